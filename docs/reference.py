"""The reference pages, written from the code when the site is built; no generated page is kept in git.

``commands.md`` walks through the dataclasses of the command line, ``configuration.md`` through those of the training.
A field's name is the option, its default the default, and the string below it the explanation.
"""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro

from triptych.cli.main import Command
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.presets import STAGE1, STAGE2

COMMANDS, CONFIGURATION = "commands.md", "configuration.md"
_POSITIONAL = get_args(tyro.conf.Positional[int])[1]
_STAGES = {Stage1Config: "stage-1-triptych-train", Stage2Config: "stage-2-triptych-fit"}
_PLAIN = {int: "integer", float: "number", str: "text", Path: "path"}


# What the dataclasses say.


@dataclass(frozen=True)
class Option:
    """One option of the command line, or one positional argument."""

    path: tuple[str, ...]
    name: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Subcommand:
    """A command with its options; ``stage`` is the configuration that its further options set, if any."""

    name: str
    meaning: str
    options: tuple[Option, ...]
    stage: type | None


def commands(union: Any = Command, prefix: str = "") -> Iterator[Subcommand]:
    """Every command of a union of annotated dataclasses, those below other commands included."""
    for member in get_args(union):
        command, marks = _unwrapped(member)
        name = f"{prefix} {_given_name(marks)}".strip()
        below = next((kind for _, kind, _ in _fields(command) if _are_commands(_members(kind))), None)
        if below is not None:
            yield from commands(below, name)
            continue
        stage = next((kind for _, kind, _ in _fields(command) if kind in _STAGES), None)
        yield Subcommand(name, _docstring(command), tuple(options(command)), stage)


def options(cls: type, instance: Any = None, prefix: tuple[str, ...] = (), path: tuple[str, ...] = ()) -> Iterator:
    """Every option of a dataclass, those of nested ones included; a stage's settings have a page of their own.

    Args:
        cls: the dataclass.
        instance: where the defaults come from; None for those of the class.
        prefix: what stands before the options' names.
        path: names of the fields that lead here.
    """
    explanations = _explanations(cls)
    for field, kind, marks in _fields(cls):
        default = _default(field) if instance is None else getattr(instance, field.name)
        here, given = (*path, field.name), _given_name(marks)
        names = (*prefix, *filter(None, [field.name.replace("_", "-") if given is None else given]))
        if kind in _STAGES:
            continue
        if members := _members(kind):
            yield from _options_of_kinds(members, default, names, here)
            continue
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            yield from options(kind, None if default is MISSING else default, names, here)
            continue
        positional = _POSITIONAL in marks
        flag = ".".join(names)
        shown = _metavar(marks) or field.name.upper() if positional else f"--{flag}"
        if kind is bool and not positional:
            shown += f", --{'.'.join((*names[:-1], f'no-{names[-1]}'))}"
        meaning = " ".join(explanations.get(field.name, "").split())
        yield Option(here, shown, _kind(kind), _shown(default), meaning)


def _options_of_kinds(
    members: list[Any], default: Any, prefix: tuple[str, ...], path: tuple[str, ...]
) -> Iterator[Option]:
    """Those that are the same for all dataclasses of a union, then those of each of them."""
    rows = {
        member: list(options(member, default if isinstance(default, member) else None, prefix, (*path, member.kind)))
        for member in members
    }

    def same(option: Option) -> bool:
        told = dataclasses.replace(option, path=())
        return all(told in [dataclasses.replace(other, path=()) for other in of_member] for of_member in rows.values())

    yield from filter(same, rows[members[0]])
    for member, of_member in rows.items():
        for option in of_member:
            if not same(option):
                yield dataclasses.replace(option, meaning=f"Kind {member.kind}: {option.meaning}")


def _fields(cls: Any) -> Iterator[tuple[dataclasses.Field, Any, tuple[Any, ...]]]:
    """The fields of a dataclass with their types, unwrapped, and the marks of these."""
    hints = get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        yield field, *_unwrapped(hints[field.name])


def _unwrapped(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    marks: tuple[Any, ...] = ()
    while get_origin(kind) is Annotated:
        marks += kind.__metadata__
        kind = get_args(kind)[0]
    return kind, marks


def _given_name(marks: tuple[Any, ...]) -> str | None:
    """The name that ``tyro.conf.arg`` or ``tyro.conf.subcommand`` gives."""
    return next((mark.name for mark in marks if isinstance(getattr(mark, "name", None), str)), None)


def _metavar(marks: tuple[Any, ...]) -> str | None:
    """How help shows the value of a positional argument."""
    return next((mark.metavar for mark in marks if getattr(mark, "metavar", None)), None)


def _members(kind: Any) -> list[Any]:
    """The dataclasses that a union is of; nothing for all other types."""
    members = [_unwrapped(member)[0] for member in get_args(kind)] if _is_union(kind) else []
    return members if all(dataclasses.is_dataclass(member) for member in members) else []


def _are_commands(members: list[Any]) -> bool:
    return bool(members) and all(hasattr(member, "run") for member in members)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _default(field: dataclasses.Field) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _docstring(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def _explanations(cls: type) -> dict[str, str]:
    """The string below each field of a dataclass, in its own source and in that of the classes it extends."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in zip(definition.body, definition.body[1:], strict=False):
            is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
                found[field.target.id] = str(text.value.value)
    return found


def _kind(kind: Any) -> str:
    kind, _ = _unwrapped(kind)
    if kind is bool:
        return "switch"
    if get_origin(kind) is Literal:
        return ", ".join(f"`{_shown(value)}`" for value in get_args(kind))
    if get_origin(kind) in (tuple, list):
        members = [member for member in get_args(kind) if member is not Ellipsis]
        several = f"{len(members)} " if len(members) > 1 and Ellipsis not in get_args(kind) else ""
        return f"{several}{_kind(members[0])}s"
    if _is_union(kind):
        return " or ".join("none" if member is type(None) else _kind(member) for member in get_args(kind))
    return _PLAIN.get(kind, getattr(kind, "__name__", str(kind)))


def _shown(value: Any) -> str:
    if value is MISSING:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | list):
        return " ".join(_shown(entry) for entry in value) or "empty"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


# The pages.


def command_page() -> str:
    """Every command with its options."""
    found = list(commands())
    lines = [
        "# Commands",
        "",
        "Written from the code. `triptych COMMAND --help` says the same on your machine. Bad input ends a command with "
        "one line on standard error and exit code 2, Ctrl-C with 130. An option that is on or off has two names.",
        "",
        "| command | |",
        "|---|---|",
    ]
    lines += [f"| [`triptych {one.name}`](#{_anchor(one.name)}) | {_cell(_first_line(one.meaning))} |" for one in found]
    for one in found:
        lines += ["", f"## triptych {one.name}", "", one.meaning, ""]
        lines += ["| option | value | default | |", "|---|---|---|---|"]
        lines += [
            _row(_name_cell(option.name), _cell(option.kind), _default_cell(option.default), _cell(option.meaning))
            for option in one.options
        ]
        if one.stage is not None:
            link = f"{CONFIGURATION}#{_STAGES[one.stage]}"
            lines += ["", f"Every setting of the training is an option, too: see [Configuration]({link})."]
    return "\n".join(lines) + "\n"


def configuration_page() -> str:
    """Every setting of both stages, with its value in each preset."""
    lines = [
        "# Configuration",
        "",
        "Written from the code: every setting of both stages, as the option that sets it, and its value in each "
        "preset. `--preset` chooses the column; if not given, `train` takes `general`, and `fit` the preset that the "
        "model was trained for. Any option changes one value of it. A run keeps all of them in its `config.json`: "
        "`triptych train DATA --out NEW --config OLD/config.json` takes them from there, and options change them. "
        "`--dry-run` shows all values, and what the work will take.",
    ]
    for cls, presets, title in (
        (Stage1Config, STAGE1, "Stage 1: triptych train"),
        (Stage2Config, STAGE2, "Stage 2: triptych fit"),
    ):
        lines += ["", f"## {title}", "", _docstring(cls)]
        explanations = _explanations(cls)
        for field, kind, _ in _fields(cls):
            members = _members(kind) or [kind]
            if not all(dataclasses.is_dataclass(member) for member in members):
                continue
            lines += ["", f"### {field.name} {{ #{_STAGES[cls]}-{field.name} }}"]
            values = {name: getattr(preset, field.name) for name, preset in presets.items()}
            for member in members:
                given = (
                    f"`--{field.name}.kind {member.kind}`:" if len(members) > 1 else explanations.get(field.name, "")
                )
                lines += ["", " ".join(filter(None, [given, _docstring(member)])), ""]
                lines += _preset_table({name: _settings(member, value, field.name) for name, value in values.items()})
        plain = {name: [option for option in options(cls, presets[name]) if len(option.path) == 1] for name in presets}
        if any(plain.values()):
            lines += ["", f"### others {{ #{_STAGES[cls]}-others }}", "", *_preset_table(plain)]
    return "\n".join(lines) + "\n"


def _settings(kind: Any, value: Any, name: str) -> list[Option]:
    """The options of a part with a preset's values; without values where the preset has another kind of part."""
    if isinstance(value, kind):
        return list(options(kind, value, (name,)))
    return [dataclasses.replace(option, default="-") for option in options(kind, None, (name,))]


def _preset_table(rows: dict[str, list[Option]]) -> list[str]:
    lines = [f"| option | {' | '.join(rows)} | |", "|---|" + "---|" * len(rows) + "---|"]
    for same in zip(*rows.values(), strict=True):
        values = [_default_cell(option.default) for option in same]
        choices = f" One of {same[0].kind}." if same[0].kind.startswith("`") else ""
        lines.append(_row(_name_cell(same[0].name), *values, _cell(same[0].meaning + choices)))
    return lines


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _name_cell(names: str) -> str:
    return "<br>".join(f"`{name}`" for name in names.split(", "))


def _default_cell(default: str) -> str:
    return f"**{default}**" if default == "required" else _cell(default)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _first_line(text: str) -> str:
    return text.split("\n\n")[0]


def _anchor(name: str) -> str:
    return f"triptych-{name.replace(' ', '-')}"
