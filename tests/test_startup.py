"""The command line answers at once: nothing heavy is loaded before a command begins its work."""

import subprocess
import sys
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


ELSEWHERE = """
import os, sys
import subprocess, filelock, platformdirs, psutil  # they know where they are
for module in ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "readline"):
    sys.modules[module] = None
for name in ("fork", "sysconf", "mkfifo", "chown", "O_NONBLOCK", "O_NOFOLLOW", "O_DIRECTORY"):
    delattr(os, name)
"""
"""Takes away what Windows does not have."""


def test_everything_can_be_imported_where_posix_is_not_and_stubs_name_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(triptych.__file__).parent
    packages = [stub.parent.relative_to(root.parent) for stub in root.rglob("__init__.pyi")]
    imports = "\n".join(f"import {'.'.join(package.parts)}" for package in packages)
    monkeypatch.setenv("EAGER_IMPORT", "1")  # each name of each face is imported at once
    assert len(packages) > 8
    program = f"""{ELSEWHERE}
import importlib, pathlib, pkgutil
{imports}
for module in pkgutil.walk_packages(triptych.__path__, "triptych."):
    if not module.name.endswith(("__main__", "hub_model")) and "triton" not in module.name:  # these need an extra
        importlib.import_module(module.name)
from triptych.files import read_json, write_json
from triptych.runtime import choose_device, free_memory
file = pathlib.Path({str(tmp_path)!r}) / "file.json"
write_json(file, [1])
print(read_json(file), free_memory(choose_device("cpu")) > 0)
"""
    assert run(program).split() == ["[1]", "True"]
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"triptych {triptych.__version__}\n"
