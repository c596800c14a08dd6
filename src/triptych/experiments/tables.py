"""Tables of text, as Markdown and as comma-separated values."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triptych.files import write_text


@dataclass(frozen=True)
class Table:
    """Text in columns.

    Attributes:
        columns: their heads.
        rows: cells.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"

    def csv(self) -> str:
        """As comma-separated values."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([self.columns, *self.rows])
        return buffer.getvalue()

    def write(self, path: Path) -> None:
        """Write both: ``path`` with .md, and with .csv."""
        write_text(path.with_suffix(".md"), self.markdown())
        write_text(path.with_suffix(".csv"), self.csv())

    @classmethod
    def read(cls, path: Path) -> "Table":
        """What ``write`` has left at ``path`` with .csv."""
        columns, *rows = csv.reader(io.StringIO(path.with_suffix(".csv").read_text(encoding="utf-8")))
        return cls(columns, rows)
