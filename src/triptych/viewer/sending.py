"""Posed pictures that a browser sends: one zip archive, read as any other dataset."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.data.backgrounds import color_text
from triptych.errors import InputError
from triptych.files import folder_name, is_clutter, unpack_zip
from triptych.model import CategoryModel
from triptych.text import one_line

MOST_BYTES = 1 << 30
"""Of an archive."""


def sent_dataset(name: str, content: bytes, model: CategoryModel, resolution: int | None) -> Dataset:
    """The scenes in a zip archive, their pictures in memory; nothing of it stays on the disk.

    Args:
        name: of the archive, which names a scene that is not in a folder of its own.
        content: the archive.
        model: in whose box the scenes are, and over whose background pictures with alpha are laid.
        resolution: width in pixels to which the pictures are downscaled, or None.

    Raises:
        InputError: see ``unpack_zip`` and ``open_dataset``.
    """
    if len(content) > MOST_BYTES:
        raise InputError(f"{one_line(name)}: more than {MOST_BYTES >> 30} GB; send smaller pictures")
    with TemporaryDirectory(prefix="triptych-") as temporary:
        folder = Path(temporary).resolve() / (folder_name(Path(name).stem) or "pictures")
        folder.mkdir()
        unpack_zip(content, folder, one_line(name))
        config = DatasetConfig(
            _innermost(folder),
            half_extent=float(model.aabb.abs().max()),
            background=color_text(model.origin.background),
            resolution=resolution,
            cache=folder.parent / "c",
        )
        try:
            dataset = open_dataset(config).in_memory()
        except InputError as error:
            raise InputError(str(error).replace(f"{folder.parent}/", "")) from None
    return replace(dataset, source=None)


def _innermost(folder: Path) -> Path:
    """The folder in which an archive has more than one other folder."""
    inside = [entry for entry in folder.iterdir() if not is_clutter(entry.name)]
    return _innermost(inside[0]) if len(inside) == 1 and inside[0].is_dir() else folder
