"""The command line: each command is a dataclass whose fields are its options, and holds no logic of its own."""

import errno
import signal
import sys
from typing import Annotated, Any, get_args

import tyro
from rich.console import Console

from triptych.cli.check import Check
from triptych.cli.data import DataCommand
from triptych.cli.export import ExportCommand
from triptych.cli.measure import Bench, Demo, Quality, Reproduce
from triptych.cli.options import Preset, chosen_preset
from triptych.cli.stages import Evaluate, Fit, Rgb, Single, Train
from triptych.cli.view import View
from triptych.errors import InputError, Terminated
from triptych.runtime import stop_on_sigterm

Command = (
    Annotated[DataCommand, tyro.conf.subcommand("data")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Fit, tyro.conf.subcommand("fit")]
    | Annotated[Rgb, tyro.conf.subcommand("rgb")]
    | Annotated[Single, tyro.conf.subcommand("single")]
    | Annotated[Evaluate, tyro.conf.subcommand("eval")]
    | Annotated[Check, tyro.conf.subcommand("check")]
    | Annotated[ExportCommand, tyro.conf.subcommand("export")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Quality, tyro.conf.subcommand("quality")]
    | Annotated[Reproduce, tyro.conf.subcommand("reproduce")]
)


def _preset_named(arguments: list[str]) -> Preset:
    """The preset decides the defaults of other options, so it is looked up before they are parsed."""
    for place, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--preset":
            chosen = value or "".join(arguments[place + 1 : place + 2])
            return next((preset for preset in get_args(Preset) if preset == chosen), "quick")
    return "quick"


def main(arguments: list[str] | None = None) -> None:
    """Run a command; bad input ends it with one line on standard error and exit code 2, Ctrl-C with 130, SIGTERM with
    143."""
    arguments = sys.argv[1:] if arguments is None else arguments
    chosen_preset.set(_preset_named(arguments))
    command: Any = tyro.cli(
        Command,  # pyright: ignore[reportArgumentType] (tyro takes unions, its stub does not say so)
        args=arguments,
        prog="triptych",
        description="Learn thousands of similar 3D scenes fast and small.",
        config=(tyro.conf.OmitSubcommandPrefixes,),
    )
    stop_on_sigterm()
    try:
        command.run()
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM):
            raise
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror}; free some space or choose another folder, then run the same command again")
    except KeyboardInterrupt as stop:
        Console(stderr=True).print("stopped; what was done is saved, run the same command again to go on")
        sys.exit(128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT))


def _fail(message: str) -> None:
    sys.stderr.write(f"triptych: {message}\n")
    sys.exit(2)
