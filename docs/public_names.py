"""The page of every public name of Python, written from the code when the site is built.

A name is public where a package names it in ``__all__``. Packages that hold triptych's own machinery are left out.
"""

import ast
import importlib
import inspect
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import triptych

NAMES = "names.md"
_MACHINERY = {"triptych.files", "triptych.runtime"}
_FIRST = ("triptych", "triptych.data", "triptych.geometry", "triptych.model", "triptych.bank", "triptych.export")
_ADDED = {"triptych.model.hub_model": ["HubModel"], "triptych.metrics": ["psnr", "ssim"]}
"""Names of modules that are no packages, which other pages speak of."""


@dataclass(frozen=True)
class Name:
    """A public name, where it is described, and what it is in one line."""

    name: str
    described: str
    meaning: str


def sections() -> dict[str, list[Name]]:
    """The names of each public package; one that several have is described at the first of them."""
    found: dict[str, list[Name]] = {}
    described: dict[tuple[str, int], str] = {}
    for package in packages():
        module = importlib.import_module(package)
        found[package] = []
        for name in _ADDED.get(package) or module.__all__:
            place = described.setdefault((name, id(getattr(module, name))), f"{package}.{name}")
            found[package].append(Name(name, place, _first_line(module, name)))
    return found


def packages() -> list[str]:
    """The public packages, those that people need first before the others."""
    root = Path(triptych.__file__).parent
    folders = {file.parent.relative_to(root.parent) for file in root.rglob("__init__.pyi")}
    every = {".".join(folder.parts) for folder in folders} - _MACHINERY
    return [*_FIRST, *sorted((every | set(_ADDED)) - set(_FIRST))]


def names_page() -> str:
    """Every public name, in a table for each package, and below it what its docstring says."""
    lines = [
        "# Python: every name",
        "",
        "Written from the code. [Python API](api.md) shows how the names go together. Tensors are written with their "
        "axes, `Float[Tensor, 'view 3 height width']`.",
    ]
    for package, names in sections().items():
        lines += ["", f"## {package}", "", "| name | |", "|---|---|"]
        lines += [f"| [`{one.name}`][{one.described}] | {one.meaning.replace('|', '&#124;')} |" for one in names]
        own = [one for one in names if one.described == f"{package}.{one.name}"]
        lines += [line for one in own for line in ("", f"::: {one.described}")]
    return "\n".join(lines) + "\n"


def _first_line(module: ModuleType, name: str) -> str:
    value = getattr(module, name)
    text = inspect.getdoc(value) if inspect.isclass(value) or inspect.isroutine(value) else _below(module, name)
    return (text or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


def _below(module: ModuleType, name: str) -> str:
    """The string below the assignment of a name, in the module that a package has it from."""
    source = Path(inspect.getfile(module))
    stub = source.with_suffix(".pyi")
    if stub.is_file():
        source = source.parent.joinpath(*_origin(stub, name).split(".")).with_suffix(".py")
    statements = ast.parse(source.read_text(encoding="utf-8")).body
    for assigned, text in itertools.pairwise(statements):
        targets = [target.id for target in getattr(assigned, "targets", []) if isinstance(target, ast.Name)]
        if name in targets and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            return str(text.value.value)
    return ""


def _origin(stub: Path, name: str) -> str:
    """The module, relative to its package, that a stub imports a name from."""

    def imported() -> Iterator[str]:
        for statement in ast.parse(stub.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.ImportFrom) and name in [alias.name for alias in statement.names]:
                yield statement.module or ""

    return next(imported())
