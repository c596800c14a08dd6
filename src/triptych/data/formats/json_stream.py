"""Reading long lists in JSON files entry by entry, without holding the file in memory."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from triptych.errors import InputError
from triptych.files.reading import open_regular

_CHUNK = 1 << 18
_LARGEST_ENTRY = 1 << 22
_LARGEST_TEXT = 1 << 33
"""Characters of a whole file; a small one that is compressed can unfold to anything."""
_SPACE = " \t\r\n"


def stream_entries(file: Path, field: str | None = None) -> Iterator[Any]:
    """The entries of a list, one after the other; a file called .jgz or .gz is unpacked on the way.

    Args:
        file: a JSON file that is a list, or an object.
        field: the field of the object that holds the list.

    Raises:
        InputError: the file cannot be read, or what has been read of it is no such list.
    """
    with open_regular(file) as opened:
        unpacked = gzip.GzipFile(fileobj=opened) if file.suffix in (".jgz", ".gz") else opened
        text = _Text(io.TextIOWrapper(unpacked, encoding="utf-8-sig"), file, field)
        text.enter(field)
        yield from text.entries()


class _Text:
    """A window of a long text, moved on as entries are taken."""

    def __init__(self, source: io.TextIOWrapper, file: Path, field: str | None) -> None:
        self._source = source
        self._file = file
        self._where = f"{file}, {field}" if field else str(file)
        self._window = ""
        self._place = 0
        self._read = 0
        self._decoder = json.JSONDecoder()

    def enter(self, field: str | None) -> None:
        """Go to the first entry of the list."""
        if field is not None:
            mark = f'"{field}"'
            while (found := self._window.find(mark)) < 0:
                self._window = self._window[-len(mark) :]
                if not self._more():
                    raise InputError(f"{self._where}: this field is missing")
            self._place = found + len(mark)
            self._expect(":", "a list after it")
        self._expect("[", "a list")

    def entries(self) -> Iterator[Any]:
        """The rest of the list."""
        if self._next() == "]":
            return
        while True:
            yield self._entry()
            if self._next() == "]":
                return
            self._expect(",", "entries with commas between them")

    def _entry(self) -> Any:
        self._next()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._window, self._place)
            except json.JSONDecodeError as error:
                if len(self._window) - self._place > _LARGEST_ENTRY or not self._more():
                    raise InputError(f"{self._where}: expected JSON to the end of the list: {error.msg}") from None
            except (RecursionError, ValueError):
                raise InputError(f"{self._where}: expected shallow lists of ordinary numbers") from None
            else:
                length = end - self._place
                if end < len(self._window) or not self._more():  # a number may go on in what is not read yet
                    self._place += length
                    return value

    def _next(self) -> str:
        """The next letter that is no space, without taking it; empty at the end of the file."""
        while True:
            while self._place < len(self._window):
                if self._window[self._place] not in _SPACE:
                    return self._window[self._place]
                self._place += 1
            if not self._more():
                return ""

    def _expect(self, letter: str, described: str) -> None:
        found = self._next()
        if found != letter:
            raise InputError(f"{self._where}: expected {described}, found {found or 'the end of the file'!r}")
        self._place += 1

    def _more(self) -> bool:
        """Read on; what has been taken is forgotten."""
        try:
            chunk = self._source.read(_CHUNK)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise InputError(f"{self._file}: expected JSON packed with gzip; this is damaged or not") from None
        except UnicodeDecodeError:
            raise InputError(f"{self._file}: expected JSON, found bytes that are not UTF-8 text") from None
        self._read += len(chunk)
        if self._read > _LARGEST_TEXT:
            raise InputError(f"{self._where}: expected at most {_LARGEST_TEXT} characters; this is larger")
        self._window, self._place = self._window[self._place :] + chunk, 0
        return bool(chunk)
