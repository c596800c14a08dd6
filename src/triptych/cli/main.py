"""The command line: each command is a dataclass whose fields are its options, and holds no logic of its own."""

import io
import sys
from typing import Annotated, Any, get_args

import tyro

from triptych.cli.check import Check
from triptych.cli.data import DataCommand
from triptych.cli.endings import one_line_endings
from triptych.cli.export import ExportCommand
from triptych.cli.measure import Bench, Demo, Quality, Reproduce
from triptych.cli.options import Preset, check_options, chosen_preset
from triptych.cli.single import Rgb, SingleCommand, check_spelling
from triptych.cli.stages import Evaluate, Fit, Train
from triptych.cli.view import View
from triptych.options import checked_later
from triptych.runtime import stop_on_sigterm

Command = (
    Annotated[DataCommand, tyro.conf.subcommand("data")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Fit, tyro.conf.subcommand("fit")]
    | Annotated[Rgb, tyro.conf.subcommand("rgb")]
    | Annotated[SingleCommand, tyro.conf.subcommand("single")]
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of any script, in any locale
    with one_line_endings():
        stop_on_sigterm()
        _parsed(sys.argv[1:] if arguments is None else arguments).run()


def _parsed(arguments: list[str]) -> Any:
    check_spelling(arguments)
    chosen_preset.set(_preset_named(arguments))
    with checked_later():
        command: Any = tyro.cli(
            Command,  # pyright: ignore[reportArgumentType] (tyro takes unions, its stub does not say so)
            args=arguments,
            prog="triptych",
            description="Learn thousands of similar 3D scenes fast and small.",
            config=(tyro.conf.OmitSubcommandPrefixes,),
        )
    check_options(command)
    return command
