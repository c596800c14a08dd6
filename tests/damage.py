"""One of each thing that triptych stores, and damage to it."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import torch
from balls import make_balls

from triptych.bank import Scene, SceneBank, StoredScene, save_scene
from triptych.data import DatasetConfig, open_dataset
from triptych.model import CategoryModel
from triptych.training.run import open_run


def stored_things(root: Path, model: CategoryModel) -> Path:
    """A bank of two scenes with a model of its own, a scene file, a run with two checkpoints, and a cache."""
    generator = torch.Generator().manual_seed(0)
    micro = torch.randn(model.config.planes.micro_shape, generator=generator)
    coefficients = torch.randn(model.config.planes.coefficients, generator=generator)
    bank = SceneBank.create(root / "bank", model, own_model=True)
    for name in ("a", "b"):
        bank.add(name, StoredScene(micro, coefficients, "f", {"test_psnr": 21.5, "seconds": 1e-05}))
    save_scene(root / "a.triptych-scene", Scene(model, micro, coefficients, "a", {"test_psnr": 21.5}))
    with open_run(root / "run", {"stage": 1, "rate": 1e-05}) as run:
        for step in (1, 2):
            run.save_checkpoint({"micro": micro}, {"phase": "joint", "step": step})
    make_balls(root.parent / f"{root.name}_data", train=1, test=0, views=3)
    open_dataset(DatasetConfig(root.parent / f"{root.name}_data", test_views=1, cache=root / "cache"))
    return root


def damage_scene(bank: Path, name: str) -> None:
    """Change the planes of one scene of a bank."""
    for file in bank.glob("*.sqlite"):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE scenes SET micro = zeroblob(length(micro)) WHERE name = ?", (name.encode(),))


def flip_a_bit(root: Path, generator: random.Random) -> str:
    """Flip one bit somewhere in the files below a folder, each file as likely as the others; tells where."""
    file = generator.choice([file for file in sorted(root.rglob("*")) if file.is_file() and file.name != ".lock"])
    content = bytearray(file.read_bytes())
    place, bit = generator.randrange(len(content)), generator.randrange(8)
    content[place] ^= 1 << bit
    file.write_bytes(content)
    return f"{file.relative_to(root)}, byte {place}, bit {bit}"
