"""The Hugging Face hub, or one like it (``HF_ENDPOINT``): its addresses, its client, and what goes wrong there."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from triptych.errors import InputError

PREFIX = "hf://"
_ADDRESS = re.compile(r"hf://(datasets/)?([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_EXPECTED = "expected hf://user/name, hf://datasets/user/name, or either with @revision"


@dataclass(frozen=True)
class HubAddress:
    """A repository of a hub.

    Attributes:
        repo: user/name.
        kind: of the repository.
        revision: branch, tag or commit; None for the main branch.
    """

    repo: str
    kind: Literal["model", "dataset"] = "model"
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "HubAddress":
        """From ``hf://user/name``, ``hf://datasets/user/name``, or either with ``@revision``.

        Raises:
            InputError: it is something else.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or ".." in text:
            raise InputError(f"{text}: {_EXPECTED}")
        return cls(match[2], "dataset" if match[1] else "model", match[3])

    def __str__(self) -> str:
        kind, revision = "datasets/" if self.kind == "dataset" else "", f"@{self.revision}" if self.revision else ""
        return f"{PREFIX}{kind}{self.repo}{revision}"


def hub_client() -> Any:
    """The client of the hub, an ``HfApi``; it logs in as ``hf auth login`` or ``HF_TOKEN`` say.

    Raises:
        InputError: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise InputError('the hub needs huggingface_hub: pip install "triptych[hub]"') from None
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)


@contextmanager
def hub_errors(address: object) -> Iterator[None]:
    """Whatever goes wrong at the hub, as one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # its client passes on those of several libraries
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{address}: the hub did not do it ({reason:.300}); look at the address, or log in") from None
