"""Whatever stands in a dataset's files, a parser reads it or names what is wrong with it: nothing else comes out."""

import gzip
import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layout_scenes import (
    write_co3d,
    write_colmap,
    write_eg3d,
    write_gobjaverse,
    write_nmr,
    write_openlrm,
    write_zero123,
)
from mutations import mutated_bytes, mutated_json, mutated_png
from PIL import Image
from posed_scenes import FOCAL, frames, picture_with_dot, write_srn, write_transforms

from triptych.data.formats.declaration import read_declaration
from triptych.data.formats.discovery import DatasetFolder, SceneFolder, find_scenes, parse_scenes
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.formats.srn import parse_srn
from triptych.data.formats.transforms import parse_transforms
from triptych.data.formats.writer import write_dataset_file
from triptych.data.notes import notes_on_scene
from triptych.data.pictures import read_header, read_picture
from triptych.data.validation import Problems
from triptych.errors import InputError

TRANSFORMS = {
    **{"fl_x": FOCAL, "fl_y": FOCAL, "cx": 16.0, "cy": 16.0, "w": 32, "h": 32, "camera_angle_x": 0.927},
    **{"camera_model": "OPENCV", "k1": 0.01, "k2": 0.001, "p1": 0.001, "p2": 0.001, "aabb_scale": 4},
    "train_filenames": ["images/r_0.png", "images/r_1.png"],
    "test_filenames": ["images/r_2.png"],
    "frames": [frame | {"mask_path": frame["file_path"], "split": "train"} for frame in frames()],
}


def sound(scene: ParsedScene) -> None:
    """What has been read can be computed with."""
    assert np.isfinite(scene.c2w.astype(np.float32)).all()
    assert (scene.intrinsics.astype(np.float32)[:, :2] > 0).all()
    assert np.isfinite(scene.intrinsics.astype(np.float32)).all()
    assert scene.aabb is None or np.isfinite(scene.aabb.astype(np.float32)).all()
    assert all(isinstance(doubt, str) for doubt in notes_on_scene(scene))


def transforms(folder: Path) -> Callable[[Random], None]:
    """Damages transforms.json."""
    write_transforms(folder, TRANSFORMS)
    documents = (TRANSFORMS, {"camera_angle_x": 0.927, "frames": frames(ending="")})

    def attempt(random: Random) -> None:
        (folder / "transforms.json").write_bytes(mutated_json(random, random.choice(documents)))
        with suppress(InputError):
            sound(parse_transforms("scene", folder, Problems(gather=random.random() < 0.5), LinkPolicy(folder)))

    return attempt


def srn(folder: Path) -> Callable[[Random], None]:
    """Damages the intrinsics or a pose of an SRN scene."""
    write_srn(folder)
    (folder / "intrinsics.txt").write_text("32. 16. 16. 0.\n0. 0. 0.\n0.1\n1.\n32 32\n1\n")
    originals = {name: (folder / name).read_bytes() for name in ("intrinsics.txt", "pose/000001.txt")}

    def attempt(random: Random) -> None:
        name = random.choice(sorted(originals))
        (folder / name).write_bytes(mutated_bytes(random, originals[name]))
        with suppress(InputError):
            sound(parse_srn("scene", folder, Problems(gather=random.random() < 0.5), LinkPolicy(folder)))
        (folder / name).write_bytes(originals[name])

    return attempt


def declaration(folder: Path) -> Callable[[Random], None]:
    """Damages dataset.json."""
    document = {"format": "triptych-dataset", "version": 1, "aabb": [[-1.0] * 3, [1.0] * 3]} | {
        "splits": {"train": ["a"], "test": ["b", "c"]}
    }
    dataset = DatasetFolder(folder, tuple(SceneFolder(name, folder / name, "srn") for name in "abc"))
    write_dataset_file(folder, [[-1.0] * 3, [1.0] * 3], {"train": ["a"], "test": ["b", "c"]}, {})

    def attempt(random: Random) -> None:
        (folder / "dataset.json").write_bytes(mutated_json(random, document))
        with suppress(InputError):
            declared = read_declaration(dataset, Problems())
            if declared.aabb is not None:
                box = declared.aabb.astype(np.float32)
                assert (box[0] < box[1]).all()
                assert np.isfinite(box).all()

    return attempt


def pictures(folder: Path) -> Callable[[Random], None]:
    """Damages PNG and JPEG files of all kinds."""
    folder.mkdir(exist_ok=True)
    originals = encoded_pictures()

    def damaged(random: Random) -> bytes:
        original = random.choice(originals)
        is_png = original.startswith(b"\x89PNG")
        return mutated_png(random, original) if is_png and random.random() < 0.7 else mutated_bytes(random, original)

    def attempt(random: Random) -> None:
        file, mask = folder / "picture.png", folder / "mask.png"
        file.write_bytes(damaged(random))
        mask.write_bytes(damaged(random) if random.random() < 0.5 else originals[0])
        with suppress(InputError):
            size = read_header(file).size
            masked = read_header(mask).size == size
            read = read_picture(file, intrinsics=np.array([32.0, 32, 16, 16]), mask=mask if masked else None)
            assert read.shape == (*size, 3)
        file.unlink()

    return attempt


def encoded_pictures() -> list[bytes]:
    """One of each kind: alpha, palette with transparency, gray, interlaced text, JPEG with EXIF, CMYK."""
    exif = Image.Exif()
    exif[0x0112] = 6
    rgba = Image.fromarray(picture_with_dot(channels=4))
    palette = rgba.convert("RGB").convert("P")
    kinds: list[tuple[Image.Image, dict[str, Any]]] = [
        (rgba, {"format": "PNG", "exif": exif}),
        (palette, {"format": "PNG", "transparency": 1}),
        (rgba.convert("LA"), {"format": "PNG"}),
        (rgba.convert("1"), {"format": "PNG"}),
        (rgba.convert("RGB"), {"format": "JPEG", "exif": exif}),
        (rgba.convert("RGB"), {"format": "JPEG", "progressive": True}),
        (rgba.convert("CMYK"), {"format": "JPEG"}),
    ]
    encoded = []
    for picture, options in kinds:
        buffer = io.BytesIO()
        picture.save(buffer, **options)
        encoded.append(buffer.getvalue())
    return encoded


def arrays(write: Callable[[Path], Path], names: tuple[str, ...]) -> Callable[[Path], Callable[[Random], None]]:
    """Damages files of numbers of a layout: the bytes, or for JSON the values."""

    def parser(folder: Path) -> Callable[[Random], None]:
        root = write(folder)
        originals = {name: (root / name).read_bytes() for name in names}

        def damaged(random: Random, name: str) -> bytes:
            content = originals[name]
            if name.endswith(".jgz") and random.random() < 0.8:
                return gzip.compress(mutated_json(random, json.loads(gzip.decompress(content))), 1)
            if name.endswith(".json") and random.random() < 0.8:
                return mutated_json(random, json.loads(content))
            return mutated_bytes(random, content)

        def attempt(random: Random) -> None:
            name = random.choice(names)
            (root / name).write_bytes(damaged(random, name))
            with suppress(InputError):
                dataset, problems = find_scenes(root), Problems(gather=random.random() < 0.5)
                for scene in parse_scenes(dataset, LinkPolicy(root), problems):
                    sound(scene)
            (root / name).write_bytes(originals[name])

        return attempt

    return parser


SPARSE = "object/sparse/0/"
PARSERS = {
    **{"transforms": transforms, "srn": srn, "declaration": declaration, "pictures": pictures},
    "zero123": arrays(write_zero123, ("object/001.npy",)),
    "openlrm": arrays(write_openlrm, ("object/intrinsics.npy", "object/pose/001.npy")),
    "nmr": arrays(write_nmr, ("object/cameras.npz",)),
    "gobjaverse": arrays(write_gobjaverse, ("object/campos_512_v4/00001/00001.json",)),
    "eg3d": arrays(write_eg3d, ("dataset.json",)),
    "co3d": arrays(write_co3d, ("frame_annotations.jgz",)),
    "colmap": arrays(write_colmap, tuple(f"{SPARSE}{part}.bin" for part in ("cameras", "images", "points3D"))),
    "colmap_text": arrays(
        lambda folder: write_colmap(folder, "txt", "OPENCV"),
        tuple(f"{SPARSE}{part}.txt" for part in ("cameras", "images", "points3D")),
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("parser", PARSERS)
def test_nothing_but_input_errors_comes_out(parser: str, tmp_path: Path) -> None:
    attempt = PARSERS[parser](tmp_path)

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(st.randoms(use_true_random=False))
    def many(random: Random) -> None:
        attempt(random)

    many()
