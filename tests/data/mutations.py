"""Damaged copies of files, for tests that feed them to the parsers."""

import copy
import json
import zlib
from random import Random
from typing import Any

_BYTES = (b"\0", b"\xff", b"\xef\xbb\xbf", b"nan", b"1e999", b"-1", b"[", b"{", b'"', b"\n", b" ", b"\\", b"9" * 400)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 1e300, -1e300, 5e-324, 10**300, float("nan"), float("inf"), "", "x", "0", "/"),
    *("../..", "..", ".", "C:\\a", "\\\\a\\b", "/etc/passwd", "images", "\ud800", "a\0b", "é" * 300, "train", "test"),
    *([], [[]], {}, {"a": {}}, [1, 2, 3, 4], [[1, 0, 0, 0]] * 4, [[0] * 4] * 3, ["images/r_0.png"], ["nothing"]),
)


def mutated_bytes(random: Random, data: bytes) -> bytes:
    """The bytes with a few places overwritten, inserted, removed, repeated or cut off."""
    for _ in range(random.randint(1, 4)):
        place, length = random.randint(0, len(data)), random.choice((1, 1, 1, 2, 4, 16, 200))
        change = random.randrange(6)
        if change == 0:
            data = data[:place] + bytes(random.randrange(256) for _ in range(length)) + data[place + length :]
        elif change == 1:
            data = data[:place] + random.choice(_BYTES) + data[place:]
        elif change == 2:
            data = data[:place] + data[place + length :]
        elif change == 3:
            data = data[:place] + data[place : place + length] + data[place:]
        elif change == 4:
            data = data[:place]
        elif data:
            flipped = data[place % len(data)] ^ (1 << random.randrange(8))
            data = data[: place % len(data)] + bytes([flipped]) + data[place % len(data) + 1 :]
    return data


def mutated_png(random: Random, data: bytes) -> bytes:
    """A PNG with one chunk damaged and its sum set right again, so that decoders look into it."""
    chunks, place = [], 8
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    chosen = random.randrange(len(chunks))
    chunks[chosen] = (chunks[chosen][0], mutated_bytes(random, chunks[chosen][1]))
    if random.random() < 0.2:
        random.shuffle(chunks)
    sums = (zlib.crc32(kind + content).to_bytes(4, "big") for kind, content in chunks)
    parts = (
        len(body).to_bytes(4, "big") + kind + body + check for (kind, body), check in zip(chunks, sums, strict=True)
    )
    return data[:8] + b"".join(parts)


def mutated_json(random: Random, document: Any) -> bytes:
    """The document with a few values replaced, removed or added, of any type; sometimes damaged as text."""
    root = [copy.deepcopy(document)]
    for _ in range(random.randint(1, 3)):
        parent, key = _some_place(random, root)
        change = random.randrange(8)
        if change == 0:
            del parent[key]
        elif change == 1 and isinstance(parent, dict):
            parent[random.choice(_FIELDS)] = copy.deepcopy(random.choice(_VALUES))
        elif change == 2 and isinstance(parent, list):
            parent.insert(key, copy.deepcopy(random.choice(_VALUES)))
        else:
            parent[key] = copy.deepcopy(random.choice(_VALUES))
    text = json.dumps(root[0] if root else None).encode()
    return mutated_bytes(random, text) if random.random() < 0.2 else text


_FIELDS = (
    *("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_angle_x", "camera_angle_y", "k1", "k2", "p1", "p2", "k3"),
    *(
        "is_fisheye",
        "camera_model",
        "file_path",
        "mask_path",
        "transform_matrix",
        "frames",
        "split",
        "format",
        "version",
    ),
    *("train_filenames", "test_filenames", "val_filenames", "aabb", "splits", "train", "test", "made_by"),
)


def _some_place(random: Random, root: list[Any]) -> tuple[Any, Any]:
    """A container of the document and a key of it, any depth alike."""
    parent, key = root, 0
    while root and random.random() < (0.97 if parent is root else 0.8):
        value = parent[key]
        if not isinstance(value, dict | list) or not value:
            break
        parent = value
        key = random.choice(sorted(value)) if isinstance(value, dict) else random.randrange(len(value))
    return (parent, key) if root else ([None], 0)
