"""One scene of a bank, and the bytes that stand for it, whatever engine keeps them.

    name            UTF-8, lone surrogates included
    about           JSON: fingerprint, record, and SHA-256 of the numbers
    digest          SHA-256 of name and about
    coefficients    [M] float32, little-endian
    micro           [3, K, K, F_mic] little-endian, row by row, or `triptych.bank.coding`, as the bank's precision says

So the digest vouches for all of a scene, and for what is said about it without reading its planes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from triptych.bank.coding.layout import Coding
from triptych.bank.precision import Codec, numbers_of
from triptych.errors import InputError
from triptych.files import field_of

_ABOUT = "what is said about it"


@dataclass(frozen=True)
class SceneAbout:
    """What a bank says about a scene, its numbers apart.

    Attributes:
        fingerprint: hash of the pictures and poses it was fitted to.
        record: JSON values about it: metrics, seconds, views, settings.
    """

    fingerprint: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class StoredScene:
    """One scene of a bank.

    Attributes:
        micro: its micro planes, channels last.
        coefficients: its coefficients of the base planes.
        fingerprint: hash of the pictures and poses it was fitted to.
        record: JSON values about it: metrics, seconds, views, settings.
        coding: how its micro planes are rounded, where they are.
    """

    micro: Float[Tensor, "3 k k micro"]
    coefficients: Float[Tensor, " base"]
    fingerprint: str
    record: Mapping[str, Any]
    coding: Coding | None = None


class Header(NamedTuple):
    """The bytes of a scene without its planes."""

    name: bytes
    about: bytes
    digest: bytes


class Row(NamedTuple):
    """All bytes of a scene."""

    name: bytes
    about: bytes
    digest: bytes
    coefficients: bytes
    micro: bytes


def name_as_bytes(name: str) -> bytes:
    """A scene's name as it is stored; names sort as their bytes do."""
    return name.encode(errors="surrogatepass")


def name_of_bytes(name: bytes) -> str:
    """The name that ``name_as_bytes`` has stored; of damaged bytes, what can be read of it."""
    try:
        return name.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return name.decode(errors="replace")


def pack(name: str, scene: StoredScene, codec: Codec) -> Row:
    """A scene as bytes, micro planes as ``codec`` has it.

    Raises:
        InputError: its numbers cannot be stored so.
    """
    try:
        micro = codec.encode(scene.micro, scene.coding)
    except InputError as error:
        raise InputError(f"scene {name!r} cannot be stored: {error}") from None
    coefficients = scene.coefficients.detach().cpu().numpy().astype("<f4").tobytes()
    numbers = hashlib.sha256(coefficients + micro).hexdigest()
    about = {"fingerprint": scene.fingerprint, "record": dict(scene.record), "sha256": numbers}
    content = json.dumps(about, separators=(",", ":")).encode()
    return Row(name_as_bytes(name), content, _digest(name_as_bytes(name), content), coefficients, micro)


def unpack_about(header: Header | Row) -> SceneAbout:
    """What is said about a scene, compared with its digest.

    Raises:
        InputError: it is damaged; the message says what of it.
    """
    return _about(_document(header))


def require_whole(row: Row) -> SceneAbout:
    """What is said about a scene whose bytes, all of them, are those that were written; they are not decoded.

    Raises:
        InputError: it is damaged; the message says what of it.
    """
    document = _document(row)
    about = _about(document)
    if hashlib.sha256(row.coefficients + row.micro).hexdigest() != document.get("sha256"):
        raise InputError("its planes are not those that were written (SHA-256 differs)")
    return about


def unpack(row: Row, codec: Codec, coefficients: int) -> StoredScene:
    """A scene from its bytes, compared with its digests.

    Raises:
        InputError: it is damaged, or not of these shapes; the message says what of it.
    """
    about = require_whole(row)
    micro, coding = codec.decode(row.micro)
    numbers = numbers_of("coefficients", row.coefficients, "<f4", (coefficients,))
    return StoredScene(micro, numbers, about.fingerprint, about.record, coding)


def _about(document: Mapping[str, Any]) -> SceneAbout:
    return SceneAbout(field_of(document, "fingerprint", str, _ABOUT), field_of(document, "record", dict, _ABOUT))


def _document(header: Header | Row) -> dict[str, Any]:
    if _digest(header.name, header.about) != header.digest:
        raise InputError("its name or record is not what was written (SHA-256 differs)")
    try:
        document = json.loads(header.about)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise InputError("its record is no JSON object")
    return document


def _digest(name: bytes, about: bytes) -> bytes:
    return hashlib.sha256(len(name).to_bytes(8, "little") + name + about).digest()
