from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from triptych.errors import InputError
from triptych.files import Rows, read_tensors, take_parts, write_sealed_tensors

TENSORS = {
    "count": torch.tensor(7),
    "steps": torch.tensor([1.0, 2.0]),
    "scenes.values": torch.arange(60.0).reshape(5, 3, 4),
    "half": torch.tensor([[0.5, -1.5]]).half(),
    "short": torch.tensor([0.5, 3.0, -2.0]).bfloat16(),
    "bits": torch.tensor([[1, -1]], dtype=torch.int32),
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "none": torch.zeros(0, 3),
    "one of many": torch.tensor([2.5]).as_strided((1,), (0,)),
    "nothing of many": torch.zeros(1).as_strided((0,), (0,)),
    "byte": torch.tensor([3, 5, 250], dtype=torch.uint8),
}


def in_parts(tensor: torch.Tensor) -> Rows:
    return Rows(tuple(tensor.shape), tensor.dtype, iter(tensor.split(2)))


def test_what_comes_in_parts_is_read_as_a_whole(tmp_path: Path) -> None:
    write_sealed_tensors(tmp_path / "a", {**TENSORS, "scenes.values": in_parts(TENSORS["scenes.values"])}, {"of": "ä"})
    found, about = read_tensors(tmp_path / "a")
    assert about["of"] == "ä"
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(found[name], tensor), name
        assert found[name].dtype == tensor.dtype


def test_the_numbers_lie_in_the_file_as_the_library_writes_them(tmp_path: Path) -> None:
    contiguous = {name: tensor.contiguous() for name, tensor in TENSORS.items()}
    write_sealed_tensors(tmp_path / "ours", TENSORS, {})
    (tmp_path / "theirs").write_bytes(save(contiguous))
    ours, theirs = ((tmp_path / name).read_bytes() for name in ("ours", "theirs"))
    numbers = sum(tensor.nbytes for tensor in contiguous.values())
    assert ours[-numbers:] == theirs[-numbers:]
    with safe_open(tmp_path / "ours", "pt") as opened:
        assert opened.get_slice("scenes.values")[3:5].tolist() == TENSORS["scenes.values"][3:5].tolist()


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    write_sealed_tensors(tmp_path / "a", TENSORS, {})
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match="SHA-256 differs"):
        read_tensors(tmp_path / "a")


def test_who_does_not_write_takes_the_parts_in_the_same_order() -> None:
    taken = []

    def rows(name: str, kind: torch.dtype) -> Rows:
        return Rows((1,), kind, (taken.append(name) or part for part in [torch.zeros(1, dtype=kind)]))

    take_parts(
        {"b": rows("b", torch.half), "c": rows("c", torch.float32), "a": rows("a", torch.half), "d": TENSORS["byte"]}
    )
    assert taken == ["c", "a", "b"]
