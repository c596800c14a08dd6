"""Views as pairs of files: a picture, and a file of the same name that holds its pose."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triptych.data.pictures import SUFFIXES
from triptych.errors import InputError
from triptych.files import is_clutter


@dataclass(frozen=True)
class PosedFiles:
    """The pictures and the poses of a scene.

    Attributes:
        scene: the scene's folder.
        pictures_in: the folder of the pictures.
        poses_in: the folder of the poses.
        ending: of the files of poses, with its dot.
        numbered: whether files that are not called by a number are something else.
    """

    scene: Path
    pictures_in: Path
    poses_in: Path
    ending: str
    numbered: bool = False

    def views(self) -> Iterator["View"]:
        """Every view that has a picture or a pose, in order.

        Raises:
            InputError: a folder cannot be listed, or two files belong to one view.
        """
        pictures = self._by_view(self.pictures_in, SUFFIXES)
        poses = self._by_view(self.poses_in, (self.ending,))
        for name in sorted(pictures.keys() | poses.keys()):
            yield View(self, name, pictures.get(name), poses.get(name))

    def _by_view(self, folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
        found = files_by_stem(folder, endings)
        return {name: file for name, file in found.items() if not self.numbered or name.isdecimal()}


@dataclass(frozen=True)
class View:
    """One view of some ``PosedFiles``; either file may be missing."""

    files: PosedFiles
    name: str
    picture: Path | None
    pose: Path | None

    def both(self) -> tuple[Path, Path]:
        """The picture and the pose.

        Raises:
            InputError: one is missing.
        """
        if self.picture is None:
            missing = (self.files.pictures_in / f"{self.name}.png").relative_to(self.files.scene)
            raise InputError(f"{self.pose}: no picture {missing} belongs to this pose; restore it or remove this")
        if self.pose is None:
            missing = (self.files.poses_in / f"{self.name}{self.files.ending}").relative_to(self.files.scene)
            raise InputError(f"{self.picture}: no {missing} belongs to this picture; restore it or remove this")
        return self.picture, self.pose


def files_by_stem(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """The files of a folder by what stands before their endings.

    Raises:
        InputError: the folder cannot be listed, or two files belong to one view.
    """
    files: dict[str, Path] = {}
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: this folder cannot be listed ({error.strerror})") from None
    for file in entries:
        if file.suffix.lower() not in endings or is_clutter(file.name):
            continue
        if file.stem in files:
            raise InputError(f"{file}: {files[file.stem].name} stands for the same view; remove one of them")
        files[file.stem] = file
    return files
