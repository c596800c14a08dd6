"""Where the defaults of a command's options come from: a preset, then a file, then the kinds of its parts.

They decide what the other options are, so they are looked up first, by a parser that leaves everything else alone;
the command is then parsed with the outcome as tyro's ``default``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import tyro

from triptych.errors import InputError
from triptych.files import KIND, UnionPart, dataclass_of, read_object, unions_of
from triptych.options import type_hints, unchecked
from triptych.training.config import DEFAULT_PRESET, Preset

Command = TypeVar("Command", bound="Configurable")
_PLACES = ("out", "preset", "config_file", "dry_run")
"""Fields of a command that no file gives."""
_RENAMED = {
    "--autoencoder.convolutional.": "--autoencoder.",
    "--autoencoder.pretrained": "--autoencoder.source",
}


@dataclass(frozen=True)
class Configurable:
    """A command whose settings a file can give.

    Attributes:
        presets: values for the field ``config`` by preset, where there are presets.
    """

    presets: ClassVar[Mapping[Any, Any]] = {}

    config_file: Annotated[Path | None, tyro.conf.arg(name="config")] = field(default=None, kw_only=True)
    """JSON file of settings, such as the `config.json` of another run: they take the place of the defaults (and of the
    preset's), options on the command line take theirs."""

    def own_preset(self) -> Preset:
        """The preset that what the command works on asks for, where the user names none.

        Raises:
            InputError: it asks for one that is unknown.
        """
        return DEFAULT_PRESET


def defaults_of(
    command: type[Command], arguments: Sequence[str], prog: str, own_preset: Preset = DEFAULT_PRESET
) -> Command:
    """The command with the values of its preset and its file, and with what else has a default; the rest is
    ``tyro.MISSING``.

    Args:
        command: which.
        arguments: what the user has typed after its name.
        prog: what the user has typed before, for messages of the parser.
        own_preset: where the settings start from if neither an option nor the file says it.

    Raises:
        InputError: the file cannot be read, or its values cannot be.
    """
    _check_spelling(arguments)
    parts = list(unions_of(command))
    start = _start(command, parts, arguments, prog)
    document = {} if start.config is None else read_object(start.config)
    default = _empty(command)
    if command.presets:
        in_file = document.pop("preset", None)
        named = in_file if start.preset is None else start.preset
        where = f"{start.config}, preset" if start.preset is None else "--preset"
        config = _among(command.presets, own_preset if named is None else named, where)
        default = _replaced(default, {"config": config, **({} if named is None else {"preset": named})})
    if start.config is not None:
        default = _from_file(default, document, start.config)
    chosen = {
        part.path: _among(part.choices, kind, f"--{_kind_option(part)}")
        for number, part in enumerate(parts)
        if (kind := getattr(start, f"kind_{number}")) is not None
    }
    return _with_kinds(default, chosen)


def _among(choices: Mapping[str, Any], name: object, where: str) -> Any:
    if not isinstance(name, str) or name not in choices:
        raise InputError(f"{where} is {name!r:.80}, expected one of {', '.join(choices)}")
    return choices[name]


def _kind_option(part: UnionPart) -> str:
    return ".".join((*part.shown, KIND)).replace("_", "-")


def _check_spelling(arguments: Sequence[str]) -> None:
    for argument in arguments:
        name = argument.partition("=")[0]
        for old, new in _RENAMED.items():
            if name == old or (old.endswith(".") and name.startswith(old)):
                raise InputError(f"{name} is now {new}{name.removeprefix(old)}")


def _start(command: type, parts: Sequence[UnionPart], arguments: Sequence[str], prog: str) -> Any:
    """The options that decide about others: preset, file, and the kind of each part that can be one of several."""
    options: list[Any] = [("config", Path | None, None)]
    if "preset" in {each.name for each in fields(command)}:
        options.append(("preset", str | None, None))
    for number, part in enumerate(parts):
        options.append((f"kind_{number}", Annotated[str | None, tyro.conf.arg(name=_kind_option(part))], None))
    start = make_dataclass("Start", options)
    return tyro.cli(start, args=arguments, prog=prog, return_unknown_args=True, add_help=False)[0]


def _empty(kind: type) -> Any:
    """A dataclass of its own defaults, and of ``tyro.MISSING`` where it has none."""
    values: dict[str, Any] = {}
    for each in fields(kind):
        if each.default is MISSING and each.default_factory is MISSING:
            hint = type_hints(kind)[each.name]
            inner = getattr(hint, "__origin__", hint)
            values[each.name] = _empty(inner) if isinstance(inner, type) and is_dataclass(inner) else tyro.MISSING
    return unchecked(kind, values)


def _from_file(default: Command, document: dict[str, Any], file: Path) -> Command:
    for name in _PLACES:
        if name in document:
            raise InputError(f"{file}: the field {name!r} is unknown")
    return dataclass_of(type(default), document, file, default)


def _with_kinds(options: Any, chosen: Mapping[tuple[str, ...], type], path: tuple[str, ...] = ()) -> Any:
    """The same with other kinds of the parts at some paths."""
    changes = {}
    for each in fields(options):
        here, value = (*path, each.name), getattr(options, each.name)
        if here in chosen:
            changes[each.name] = _of_kind(chosen[here], value)
        elif is_dataclass(value):
            changes[each.name] = _with_kinds(value, chosen, here)
    return _replaced(options, changes)


def _replaced(options: Any, changes: Mapping[str, Any]) -> Any:
    values = {each.name: getattr(options, each.name) for each in fields(options)}
    return unchecked(type(options), {**values, **changes})


def _of_kind(kind: type, before: Any) -> Any:
    """One of another kind that keeps the values of fields that both have."""
    if type(before) is kind:
        return before
    new = _empty(kind)
    both = {each.name for each in fields(new)} & {each.name for each in fields(before)} - {KIND}
    return _replaced(new, {name: getattr(before, name) for name in both})
