"""The user's folder of meshes: finds mesh files and the files that they name, and never reads outside it."""

import os
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from unicodedata import normalize
from urllib.parse import unquote

from triptych.data.generators.meshes.problems import UnreadableMeshError, quoted

SUFFIXES = (".glb", ".gltf", ".obj")
"""Extensions of mesh files, in upper or lower case."""
LARGEST_FILE = 2**30
"""Bytes; larger meshes, buffers and pictures are not read."""
_OUTSIDE = "lies outside the input folder"
_LEADS_OUT = "leads through a symbolic link out of the input folder; move its target inside or give --follow-links"


class MeshFolder:
    """Finds and reads files for one run over a folder of meshes.

    Nothing outside the folder is read. Symbolic links are followed as long as they lead to somewhere inside;
    with ``follow_links`` they may lead anywhere.

    Args:
        root: the folder.
        follow_links: whether symbolic links may lead out of it.

    Attributes:
        given: the folder as it was given, for messages.
        root: the same as an absolute path; all paths that this class gives lie below it.
    """

    def __init__(self, root: Path, *, follow_links: bool = False) -> None:
        self.given = root
        # Absolute, or "../x" would count as lying below ".".
        self.root = Path(os.path.normpath(root.absolute()))
        self.follow_links = follow_links
        self._resolved = root.resolve()
        self._below: dict[Path, dict[str, list[Path]]] = {}

    def meshes(self) -> tuple[list[Path], list[tuple[Path, str]]]:
        """All mesh files below the folder, sorted, each file once, and links that are not followed with the reason.

        Hidden files and folders and ``__MACOSX`` are ignored.
        """
        files, refused = _walk(self.root, self._may_open)
        found: dict[Path, Path] = {}
        for path in files:
            if path.suffix.lower() in SUFFIXES and path.is_file():
                found.setdefault(path.resolve(), path)
        links = [path for path in refused if path.is_dir() or path.suffix.lower() in SUFFIXES]
        return sorted(found.values()), [(path, _LEADS_OUT) for path in sorted(links)]

    def read(self, path: Path) -> bytes:
        """The bytes of a file inside the folder.

        Raises:
            UnreadableMeshError: it is too large or cannot be read.
        """
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise UnreadableMeshError(f"is larger than {LARGEST_FILE >> 20} MiB")
            return path.read_bytes()
        except OSError as error:
            raise UnreadableMeshError(f"cannot be read: {error.strerror}") from error

    def read_named(self, mesh: Path, name: str) -> bytes:
        """The bytes of a file that a mesh names.

        Raises:
            UnreadableMeshError: see ``find``; or it is too large or cannot be read.
        """
        path = self.find(mesh, name)
        try:
            return self.read(path)
        except UnreadableMeshError as error:
            raise UnreadableMeshError(f"names {quoted(name)}, which {error}") from error

    def find(self, mesh: Path, name: str) -> Path:
        """The file that a mesh means by a name.

        The name is relative to the mesh's folder, percent-encoded or not, with ``/`` or ``\\``. Exporters leave paths
        of the author's machine behind, so a file that is not there is looked for by ever shorter ends of the name, from
        the mesh's folder up to the root, then by its last part, ignoring case, anywhere below the mesh's folder.

        Raises:
            UnreadableMeshError: there is no such file, or it lies outside the folder.
        """
        reason = "does not exist"
        for candidate in self._candidates(mesh.parent, name):
            try:
                path = Path(os.path.normpath(candidate))
                if not path.is_file():
                    continue
            except (OSError, ValueError):  # too long, or with a zero byte
                continue
            if not path.is_relative_to(self.root):
                reason = _OUTSIDE
            elif not self._may_open(path):
                reason = _LEADS_OUT
            else:
                return path
        raise UnreadableMeshError(f"names {quoted(name)}, which {reason}")

    def _candidates(self, folder: Path, name: str) -> Iterator[Path]:
        plain = name.strip().replace("\\", "/")
        spellings = dict.fromkeys([plain, unquote(plain)])
        yield from (folder / spelling for spelling in spellings)
        ends = [_end(spelling, skip) for spelling in spellings for skip in range(plain.count("/") + 1)]
        for ancestor in self._up_to_root(folder):
            yield from (ancestor / end for end in ends if end)
        for spelling in spellings:
            folded = _folded(spelling)
            matches = self._files_below(folder).get(PurePosixPath(folded).name, [])
            yield from sorted(matches, key=lambda path: (-_common_end(path, folded), len(path.parts), path))

    def _up_to_root(self, folder: Path) -> Iterator[Path]:
        while folder.is_relative_to(self.root):
            yield folder
            if folder == folder.parent:
                return
            folder = folder.parent

    def _files_below(self, folder: Path) -> dict[str, list[Path]]:
        """Files below a folder by their last part, regardless of case and Unicode form."""
        if folder not in self._below:
            index: dict[str, list[Path]] = defaultdict(list)
            for path in _walk(folder, self._may_open)[0]:
                index[_folded(path.name)].append(path)
            self._below[folder] = index
        return self._below[folder]

    def _may_open(self, path: Path) -> bool:
        return self.follow_links or path.resolve().is_relative_to(self._resolved)


def _walk(root: Path, may_open) -> tuple[list[Path], list[Path]]:
    """Files below a folder, and links that may not be opened. Real folders come before links to them."""
    files: list[Path] = []
    refused: list[Path] = []
    real, links = deque([root]), deque[Path]()
    seen: set[Path] = set()
    while real or links:
        folder = real.popleft() if real else links.popleft()
        if folder.resolve() in seen:
            continue
        seen.add(folder.resolve())
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            path = folder / entry.name
            if entry.is_symlink() and not may_open(path):
                refused.append(path)
            elif entry.is_dir():
                (links if entry.is_symlink() else real).append(path)
            else:
                files.append(path)
    return files, refused


def _end(name: str, skip: int) -> str:
    """The name without its first parts, and without any that would climb."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return "/".join(parts[skip:])


def _folded(name: str) -> str:
    return normalize("NFC", name).casefold()


def _common_end(path: Path, name: str) -> int:
    """How many of the last parts two paths have in common."""
    pairs = zip(reversed(path.parts), reversed(PurePosixPath(name).parts), strict=False)
    count = 0
    for here, there in pairs:
        if _folded(here) != there:
            break
        count += 1
    return count
