"""The command line: each command is a dataclass whose fields are its options, and holds no logic of its own."""

import io
import sys
from typing import Annotated, Any, get_args

import tyro

from triptych.cli.bank import BankCommand
from triptych.cli.check import Check
from triptych.cli.complaints import one_line_complaints
from triptych.cli.data import DataCommand
from triptych.cli.defaults import Configurable, defaults_of
from triptych.cli.endings import one_line_endings
from triptych.cli.export import ExportCommand
from triptych.cli.measure import Bench, Demo, Quality, Reproduce
from triptych.cli.models import Modes, Upsample
from triptych.cli.options import TrainingMachine, check_options, say
from triptych.cli.plan import Plan
from triptych.cli.sharing import Pull, Push
from triptych.cli.single import Rgb, Single
from triptych.cli.spelling import check_command
from triptych.cli.stages import Evaluate, Fit, Predictor, Rehearse, Train
from triptych.cli.view import View
from triptych.options import checked_later
from triptych.runtime import stop_on_sigterm
from triptych.training.config import DEFAULT_PRESET, Preset
from triptych.version import __version__

Command = (
    Annotated[DataCommand, tyro.conf.subcommand("data")]
    | Annotated[Plan, tyro.conf.subcommand("plan")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Predictor, tyro.conf.subcommand("predictor")]
    | Annotated[Rehearse, tyro.conf.subcommand("rehearse")]
    | Annotated[Modes, tyro.conf.subcommand("modes")]
    | Annotated[Upsample, tyro.conf.subcommand("upsample")]
    | Annotated[Fit, tyro.conf.subcommand("fit")]
    | Annotated[Rgb, tyro.conf.subcommand("rgb")]
    | Annotated[Single, tyro.conf.subcommand("single")]
    | Annotated[Evaluate, tyro.conf.subcommand("eval")]
    | Annotated[Check, tyro.conf.subcommand("check")]
    | Annotated[BankCommand, tyro.conf.subcommand("bank")]
    | Annotated[ExportCommand, tyro.conf.subcommand("export")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Push, tyro.conf.subcommand("push")]
    | Annotated[Pull, tyro.conf.subcommand("pull")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Quality, tyro.conf.subcommand("quality")]
    | Annotated[Reproduce, tyro.conf.subcommand("reproduce")]
)
_CONFIG = (tyro.conf.AvoidSubcommands,)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; bad input ends it with one line on standard error and exit code 2, Ctrl-C with 130, SIGTERM with
    143."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of any script, in any locale
    with one_line_endings():
        stop_on_sigterm()
        given = sys.argv[1:] if arguments is None else arguments
        if given == ["--version"]:
            say(f"triptych {__version__}")
        else:
            with one_line_complaints():
                command = _parsed(given)
            _set_arithmetic(command)
            command.run()


def _set_arithmetic(command: Any) -> None:
    machine = getattr(command, "machine", None)
    if isinstance(machine, TrainingMachine) and machine.asks_for_arithmetic:
        from triptych.runtime import set_arithmetic

        set_arithmetic(machine.products, deterministic=machine.deterministic)


def _parsed(arguments: list[str]) -> Any:
    check_command(Command, arguments)
    command = _read(arguments, DEFAULT_PRESET)
    preset = command.own_preset() if isinstance(command, Configurable) else DEFAULT_PRESET
    if preset != DEFAULT_PRESET:  # known only now, and every setting that the user has not typed follows from it
        command = _read(arguments, preset)
    check_options(command)
    return command


def _read(arguments: list[str], preset: Preset) -> Any:
    """The command that the user has typed; it alone is parsed, so that a wrong option is compared with its own."""
    with checked_later():
        for member in get_args(Command):
            command, mark = get_args(member)
            if arguments[:1] == [mark.name]:
                return _read_one(command, arguments[1:], f"triptych {mark.name}", preset)
        return tyro.cli(
            Command,
            args=arguments,
            prog="triptych",
            description="Learn thousands of similar 3D scenes fast and small. `triptych --version` tells the version.",
            config=_CONFIG,
        )


def _read_one(command: Any, arguments: list[str], prog: str, preset: Preset) -> Any:
    """A command; one that is configurable starts from its preset and its file."""
    if not issubclass(command, Configurable):
        return tyro.cli(command, args=arguments, prog=prog, config=_CONFIG)
    default = defaults_of(command, arguments, prog, preset)
    return tyro.cli(command, args=arguments, prog=prog, default=default, config=_CONFIG)
