"""The command line answers at once: nothing heavy is loaded before a command begins its work."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import triptych
from triptych.cli import main

HEAVY = (
    "torch", "numba", "matplotlib", "tensorboard", "scipy", "trimesh", "torchmetrics", "zarr", "viser", "safetensors",
    "rich.progress",
)  # fmt: skip
ASK = """
import contextlib, io, re, sys
from triptych.cli import main

def said(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(arguments))
        except SystemExit:
            pass
    loaded = [name for name in {heavy} if name in sys.modules]
    assert not loaded, (arguments, loaded)
    return out.getvalue()

def commands(text):
    listed = re.search(r"\\{{([\\w,-]+)\\}}", text)
    return listed[1].split(",") if listed and "subcommands" in text else []

count = 0
for first in commands(said("--help")):
    below = commands(said(first, "--help"))
    for words in [[first, name] for name in below] or [[first]]:
        text = said(*words, "--help")
        assert "usage: triptych " + " ".join(words) in text, words
        said(*words, "--nonsense")
        count += 1
assert "triptych" in said("--version")
said("train", "data", "--out", "out", "--planes.resolution", "1")
said("train", "data", "--out", "out", "--config", "nothing.json")
print(count)
"""


def run(program: str) -> str:
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_help_and_refusals_of_every_command_load_nothing_heavy() -> None:
    assert int(run(ASK.format(heavy=HEAVY))) > 15


def test_names_are_loaded_when_they_are_used_and_listed_before() -> None:
    assert set(triptych.__all__) <= set(dir(triptych))
    program = """
import os, sys
import triptych
assert "torch" not in sys.modules
assert {"GOMP_SPINCOUNT", "THP_MEM_ALLOC_ENABLE"} <= set(os.environ)  # torch reads them when it is loaded
assert triptych.InputError.__mro__[1] is ValueError
assert "torch" not in sys.modules
import triptych.representation.kernels
assert "triton" not in sys.modules
from triptych import *
assert {"torch"} <= set(sys.modules)
print(Scene.__name__, orbit_cameras(3, 8).height)
"""
    assert run(program).split() == ["Scene", "8"]


def test_stubs_name_what_is_there() -> None:
    root = Path(triptych.__file__).parent
    packages = [stub.parent.relative_to(root.parent) for stub in root.rglob("__init__.pyi")]
    assert len(packages) > 8
    for package in packages:
        face = import_module(".".join(package.parts))
        assert face.__all__
        for name in face.__all__:
            assert getattr(face, name) is not None


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"triptych {triptych.__version__}\n"
