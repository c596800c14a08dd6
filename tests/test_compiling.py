"""Compiled code on the disk: it is of the sources that are there."""

from pathlib import Path
from typing import Any

from triptych.compiling import compile_cached


def name_on_disk(*sources: Path) -> str:
    def decorator(**_: Any) -> Any:
        return lambda function: function.__qualname__

    def compiled() -> None:
        """What is compiled; its name is that of the file that numba keeps its code in."""

    return compile_cached(decorator, compiled, sources=sources)


def test_code_is_compiled_anew_where_a_source_of_it_has_changed(tmp_path: Path) -> None:
    folder, constants = tmp_path / "loops", tmp_path / "constants.py"
    folder.mkdir()
    (folder / "loop.py").write_text("x = 1")
    constants.write_text("SIDE = 32")
    first = name_on_disk(folder, constants)
    assert name_on_disk(folder, constants) == first
    constants.write_text("SIDE = 16")
    second = name_on_disk(folder, constants)
    (folder / "loop.py").write_text("x = 2")
    assert len({first, second, name_on_disk(folder, constants)}) == 3
