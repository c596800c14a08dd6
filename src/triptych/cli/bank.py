"""Looking after scene banks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from triptych.bank import StoragePrecision
from triptych.cli.check import Check
from triptych.cli.options import say
from triptych.errors import InputError
from triptych.options import Range
from triptych.progress import Progress


@dataclass(frozen=True)
class Info:
    """Say what a bank holds: scenes, bytes, its model."""

    bank: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="BANK")]
    """The scene bank."""

    def run(self) -> None:
        from triptych.bank import SceneBank, info_of

        bank = SceneBank(self.bank)
        info, planes = info_of(bank), bank.planes
        say(f"{self.bank}: {info}")
        if info.scenes:
            say(f"{info.bytes / info.scenes / 1024:.1f} KiB per scene")
        say(f"micro planes {list(planes.micro_shape)} in {bank.precision}, {planes.coefficients} coefficients")
        say(f"model {bank.model_id}")
        if info.failed:
            say(f"{info.failed} scene(s) could not be fitted, see failed.json")


@dataclass(frozen=True)
class Merge:
    """Copy the scenes of banks of one model into a bank; damaged scenes are left out and named."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """The bank to copy into, or a new folder."""
    banks: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="BANK")]
    """The banks to copy from."""

    def run(self) -> None:
        from triptych.bank import merge

        if not self.banks:
            raise InputError("merge: name at least one bank to copy from")
        with Progress() as progress:
            progress.start("scenes", 0)
            told = merge(self.out, self.banks, progress.advance)
        say(f"{self.out}: {told.copied} scene(s) copied, {told.there} were there already")
        told.require_all("merge")


@dataclass(frozen=True)
class Compact:
    """Write a bank anew, into one file or several, each without gaps; others may use it meanwhile."""

    bank: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="BANK")]
    """The scene bank."""
    files: Annotated[int, Range(1, 1000)] = 1
    """Over how many files the scenes are spread: about as many processes add scenes without waiting for each other."""

    def run(self) -> None:
        from triptych.bank import SceneBank, compact, info_of

        with Progress() as progress:
            progress.start("scenes", len(SceneBank(self.bank)))
            compact(self.bank, self.files, progress.advance)
        say(f"{self.bank}: {info_of(SceneBank(self.bank))}")


@dataclass(frozen=True)
class Convert:
    """Make a bank of one of an earlier version or of another precision; the old one stays as it is."""

    old: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OLD")]
    """The old bank."""
    new: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="NEW")]
    """A new folder."""
    precision: StoragePrecision | None = None
    """How the new bank stores its scenes; that of the old one if not given."""
    model: Path | None = None
    """Category model of the bank, for compact precisions; not needed when the bank keeps its own copy or belongs to a
    shipped one."""

    def run(self) -> None:
        from triptych.bank import convert

        with Progress() as progress:
            progress.start("scenes", 0)
            told = convert(self.old, self.new, progress.advance, precision=self.precision, model=self.model)
        say(f"{self.new}: {told.copied} scene(s) converted")
        told.require_all(str(self.old))


Bank = (
    Annotated[Info, tyro.conf.subcommand("info")]
    | Annotated[Check, tyro.conf.subcommand("check")]
    | Annotated[Merge, tyro.conf.subcommand("merge")]
    | Annotated[Compact, tyro.conf.subcommand("compact")]
    | Annotated[Convert, tyro.conf.subcommand("convert")]
)


@dataclass(frozen=True)
class BankCommand:
    """Look after scene banks: what one holds, damage, putting several together, banks of earlier versions."""

    command: tyro.conf.OmitSubcommandPrefixes[Annotated[Bank, tyro.conf.arg(name="")]]

    def run(self) -> None:
        self.command.run()
