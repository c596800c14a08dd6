"""What the verbs take, in the form that the modules below want it."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_args

import torch
from rich.console import Console

from triptych.errors import InputError
from triptych.progress import Progress
from triptych.runtime import DeviceName, choose_device
from triptych.training.watching import Callback, Watch

Anywhere = str | Path
Kind = TypeVar("Kind")
Settings = TypeVar("Settings")


def shown_if(progress: bool | None) -> Progress:
    """Progress that is shown or not; None shows it to a person, in a terminal or a notebook."""
    console = Console(stderr=True)
    return Progress(quiet=not (console.is_terminal or console.is_jupyter) if progress is None else not progress)


def options_of(kind: type[Kind], options: Mapping[str, Any], **given: Any) -> Kind:
    """Options from keywords; their cache may be a text.

    Raises:
        InputError: there is no such option, or a value is out of its range.
    """
    known = [field.name for field in fields(kind) if field.name not in given]  # pyright: ignore[reportArgumentType]
    for name in options:
        if name not in known:
            raise InputError(f"{kind.__name__}: there is no option {name!r}; there are {', '.join(known)}")
    paths = {name: Path(value) for name, value in options.items() if name == "cache" and isinstance(value, str)}
    return kind(**given, **{**options, **paths})


def path_of(value: object, name: str, or_else: str) -> Path:
    """A path, where ``or_else`` would do as well.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(value, str | Path):
        raise InputError(f"{name}: expected {or_else}, or a path, found {type(value).__name__}")
    return Path(value)


def settings_of(settings: Settings | str, presets: Mapping[str, Settings], kind: type[Settings]) -> Settings:
    """Settings as they are, or a preset by its name.

    Raises:
        InputError: they are something else.
    """
    if isinstance(settings, kind):
        return settings
    if not isinstance(settings, str) or settings not in presets:
        raise InputError(f"settings: expected {', '.join(presets)}, or a {kind.__name__}, found {settings!r:.60}")
    return presets[settings]


def watch_of(watch: Watch | Callback | None) -> Watch:
    """Who follows a training, of a function alone too.

    Raises:
        InputError: it is something else.
    """
    if watch is None or isinstance(watch, Watch):
        return watch or Watch()
    if not callable(watch):
        raise InputError(f"watch: expected a function of a StepReport, or a Watch, found {type(watch).__name__}")
    return Watch(watch)


def device_of(name: str | torch.device) -> torch.device:
    """A device by its name.

    Raises:
        InputError: there is none of this name, or this machine does not have it.
    """
    if isinstance(name, torch.device):
        return name
    for known in get_args(DeviceName):
        if name == known:
            return choose_device(known)
    raise InputError(f"device: expected {', '.join(get_args(DeviceName))} or a torch.device, found {name!r}")
