"""Compact scenes: what comes back, what they take, and what is refused."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from exact_ball import exact_ball
from untrained import faults, untrained_model

from triptych import Scene, SceneBank, Scenes, StoredScene, open_model, open_scene, save_scene
from triptych.bank import ScenePlanes, StoragePrecision, as_stored, coded_micro, convert, merge
from triptych.bank.coding import layout, symbols, wavelet
from triptych.bank.coding.layout import Coding
from triptych.bank.coding.symbols import Numbers
from triptych.errors import InputError
from triptych.geometry import Orbit
from triptych.metrics import mean, psnr
from triptych.representation.config import PlaneConfig

PAGE = Path(__file__).resolve().parents[1] / "src/triptych/export/web/page"
OF_FIRST_VERSION = bytes.fromhex(
    "01f903417389a55272c07583be7482be787ebe017dc3fb26681879fd1e302592d84284ffca9b983d557aaae3bc7d1afc33b504df8ab357666a2bb1"
    "4b2d0195e8642e5c5f148cbd3742782aaa10e36bb1e4464287c2173ef7fabbe95700467a9987cafe"
)
START_OF_FIRST_VERSION = torch.arange(144.0).reshape(3, 4, 4, 3) / 64
READ_FROM_FIRST_VERSION = "ddd0bf6d2f6948209a82b979ffee55a751e31795cd1143d4dc43c8aaa71e7fba"
READ = """
import { readFileSync, writeFileSync } from "node:fs";
import { decodeMicro } from "./coding.mjs";
const [, , coded, start, shape, out] = process.argv;
const floats = new Float32Array(new Uint8Array(readFileSync(start)).buffer);
const found = decodeMicro(new Uint8Array(readFileSync(coded)), { shape: JSON.parse(shape), values: floats });
writeFileSync(out, new Uint8Array(found.buffer));
"""


@pytest.fixture(scope="module")
def ball() -> Scene:
    """An exact ball with some noise, as fitted planes have it."""
    ball = exact_ball()
    noise = 0.002 * torch.randn(ball.micro.shape, generator=torch.Generator().manual_seed(0))
    return Scene(ball.model, ball.micro + noise, ball.coefficients, "ball")


@pytest.fixture(scope="module")
def compact(ball: Scene) -> Scene:
    return as_stored(ball, "compact")


def random_planes(side: int, features: int) -> torch.Tensor:
    return torch.randn(3, side, side, features, generator=torch.Generator().manual_seed(side))


@pytest.mark.parametrize("side", [2, 9, 12, 48])
def test_integers_come_back_from_the_coder(side: int) -> None:
    random, bands = np.random.default_rng(0), wavelet.bands_of(side)
    sizes = np.array([0, 0.1, 1.0, 40.0, 1e6])[:, None, None]
    values = np.clip(random.laplace(size=(5, side, side)) * sizes, -symbols.MOST, symbols.MOST).astype(np.int32)
    values[4, 0, 0], values[4, 1, 1] = symbols.MOST, -symbols.MOST
    numbers = Numbers.of(values, bands)
    assert len(numbers.values) == np.count_nonzero(values)
    for found, expected in zip(
        symbols.decode(symbols.encode(numbers, bands, side), bands, 5, side), numbers, strict=True
    ):
        assert np.array_equal(found, expected)
    assert len(symbols.encode(Numbers.of(np.zeros_like(values), bands), bands, side)) < 8


def test_integers_are_listed_band_after_band() -> None:
    values = np.zeros((2, 4, 4), np.int32)
    values[0, 3, 1], values[1, 0, 0], values[1, 0, 3] = 5, -6, 7  # below the coarse part, in it, to its right
    numbers = Numbers.of(values, wavelet.bands_of(4))
    assert numbers.values.tolist() == [-6, 5, 7]
    assert numbers.places.tolist() == [0, 13, 3]
    assert numbers.ends.tolist() == [[0, 1], [1, 1], [1, 1], [1, 1], [2, 2], [2, 3], [3, 3]]


@pytest.mark.parametrize("side", [2, 9, 12, 64])
def test_the_wavelet_is_undone(side: int) -> None:
    planes = np.random.default_rng(0).normal(size=(side, side, 2))
    found = wavelet.forward(planes)
    assert (side == 9) == np.array_equal(found, planes)
    for precision, error in ((np.float64, 1e-12), (np.float32, 1e-5)):
        inverted = found.astype(precision)
        wavelet.invert(inverted)
        np.testing.assert_allclose(inverted, planes, rtol=0, atol=error)


def by_lifting(line: np.ndarray) -> np.ndarray:
    """The wavelet of one line by its definition: fine numbers from both neighbors, coarse ones from both, twice."""
    coarse, fine = line[0::2].copy(), line[1::2].copy()
    for to_fine, to_coarse in ((-1.586134342059924, -0.052980118572961), (0.882911075530934, 0.443506852043971)):
        fine += to_fine * (coarse + np.append(coarse[1:], coarse[-1]))
        coarse += to_coarse * (fine + np.append(fine[0], fine[:-1]))
    return np.concatenate([coarse * 1.149604398860241, fine / 1.149604398860241])


@pytest.mark.parametrize("side", [2, 12, 48])
def test_the_wavelet_is_what_lifting_makes_of_rows_and_columns(side: int) -> None:
    planes = np.random.default_rng(0).normal(size=(2, side, side, 5))
    expected, size = planes.copy(), side
    for _ in range(wavelet.levels_of(side)):
        for axis in (1, 2):
            expected[:, :size, :size] = np.apply_along_axis(by_lifting, axis, expected[:, :size, :size])
        size //= 2
    np.testing.assert_allclose(wavelet.forward(planes), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(wavelet.forward(planes.astype(np.float32)), expected, rtol=0, atol=1e-5)
    again = wavelet.forward(planes.astype(np.float32))
    for plane in again:
        wavelet.invert(plane)
    np.testing.assert_allclose(again, planes, rtol=0, atol=1e-5)


def test_planes_are_what_their_bytes_say() -> None:
    """By the description in docs/formats.md, one coefficient after the other."""
    generator = np.random.default_rng(0)
    basis = generator.integers(-127, 128, (3, 3)).astype(np.int8)
    coding = Coding(basis, generator.integers(100, 140, (3, 3)).astype(np.uint8))
    numbers, start = generator.integers(-3, 4, (3, 4, 4, 3)), random_planes(4, 3)
    coefficients = numbers * coding.step_map(4) @ coding.matrix().T
    for plane in coefficients:
        wavelet.invert(plane)
    found = layout.planes_of(numbers, start, coding)
    np.testing.assert_allclose(found.numpy(), start.numpy() + coefficients, rtol=0, atol=1e-4)
    decoded, same = layout.decode(layout.pack(numbers, coding), start)
    assert torch.equal(decoded, found)
    assert same is not None
    assert np.array_equal(same.basis, basis)


def test_bytes_of_the_first_version_are_read_to_the_bit() -> None:
    found, coding = layout.decode(OF_FIRST_VERSION, START_OF_FIRST_VERSION)
    assert hashlib.sha256(found.numpy().tobytes()).hexdigest() == READ_FROM_FIRST_VERSION
    assert coding is not None
    again, _ = layout.decode(layout.encode(found, START_OF_FIRST_VERSION, coding), START_OF_FIRST_VERSION)
    assert (again - found).abs().max() < 1e-6


@pytest.mark.parametrize(("side", "features"), [(2, 1), (9, 3), (16, 4)])
def test_planes_come_back_within_their_steps_and_then_stay(side: int, features: int) -> None:
    micro, start = random_planes(side, features), random_planes(side + 1, features)[:, :side, :side]
    plain = Coding.plain(features, side)
    content = layout.encode(micro, start, plain)
    found, coding = layout.decode(content, start)
    assert coding is not None
    error = layout.coefficients_of((found - micro).numpy(), plain.matrix())
    assert (np.abs(error) <= plain.step_map(side) / 2 + 1e-6).all()
    assert layout.encode(found, start, coding) == content


def test_a_scene_is_small_looks_the_same_and_is_rounded_once(ball: Scene, compact: Scene) -> None:
    cameras = ball.model.along(Orbit.around(ball.model.aabb, 5))
    before = ball.render(cameras).images.clamp(0, 1)
    sizes = {}
    least: dict[StoragePrecision, float] = {"compact": 54.0, "small": 44.0}
    for precision, decibels in least.items():
        stored = compact if precision == "compact" else as_stored(ball, precision)
        assert mean(psnr(stored.render(cameras).images, before)) > decibels
        assert as_stored(stored, "small") is stored
        assert torch.equal(as_stored(ball, precision).micro, stored.micro)
        coded = bytes(coded_micro(stored).numpy())
        assert torch.equal(layout.decode(coded, ball.model.start_micro)[0], stored.micro)
        sizes[precision] = len(coded)
    assert sizes["small"] < 0.8 * sizes["compact"]
    assert sizes["compact"] < 0.3 * 2 * ball.micro.numel()


def test_noise_is_bounded_whichever_scene(ball: Scene) -> None:
    cameras = ball.model.along(Orbit.around(ball.model.aabb, 5))
    for seed in range(1, 4):
        noise = 0.002 * torch.randn(ball.micro.shape, generator=torch.Generator().manual_seed(seed))
        other = Scene(ball.model, exact_ball().micro + noise, ball.coefficients)
        stored = as_stored(other, "compact")
        assert mean(psnr(stored.render(cameras).images, other.render(cameras).images.clamp(0, 1))) > 51.0


def test_a_processor_with_bfloat16_makes_scenes_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_model("cars")
    noise = 0.02 * torch.randn(model.start_micro.shape, generator=torch.Generator().manual_seed(0))
    start = Scene.start_of(model)
    scene = Scene(model, start.micro + noise, start.coefficients, "car")
    coded = []
    for native in (False, True):
        monkeypatch.setattr("triptych.autoencoder.precision.has_fast_bfloat16", lambda device, native=native: native)
        coded.append(bytes(coded_micro(as_stored(scene, "compact")).numpy()))
    assert coded[0] == coded[1]


def test_where_nothing_is_seen_nothing_appears(ball: Scene) -> None:
    nothing = ball.micro.clone()
    nothing[0, ..., 0] += 1.0  # far from the center everywhere; the mean scene is near it
    camera = ball.model.along(Orbit.around(ball.model.aabb))
    assert Scene.start_of(ball.model).render(camera).opacity.max() > 0.9
    stored = as_stored(Scene(ball.model, nothing, ball.coefficients), "small")
    assert stored.coding is not None
    assert stored.render(camera).opacity.max() < 0.01


def test_a_compact_bank_keeps_what_was_measured(ball: Scene, compact: Scene, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", ball.model, precision="compact", own_model=True)
    bank.add("ball", StoredScene(compact.micro, compact.coefficients, "f", {"test_psnr": 30.0}, compact.coding))
    assert bank.bytes_of("ball") < 0.3 * 2 * ball.micro.numel()
    found = Scenes(SceneBank(bank.folder), ball.model)["ball"]
    assert torch.equal(found.micro, compact.micro)
    planes, _, name = ScenePlanes(bank)[0]
    assert name == "ball"
    assert torch.equal(planes, compact.micro)
    merge(tmp_path / "merged", [bank.folder])
    assert torch.equal(SceneBank(tmp_path / "merged").scene("ball").micro, compact.micro)
    save_scene(tmp_path / "ball.triptych-scene", found)
    assert torch.equal(open_scene(tmp_path / "ball.triptych-scene", ball.model).micro, compact.micro)
    assert (tmp_path / "ball.triptych-scene").stat().st_size < 0.35 * 2 * ball.micro.numel()


def test_banks_change_their_precision(ball: Scene, compact: Scene, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "numbers", ball.model, precision="float32", own_model=True)
    bank.add("ball", StoredScene(ball.micro, ball.coefficients, "f", {"seconds": 1.0}))
    with pytest.raises(InputError, match="of the present version already, and keeps float32"):
        convert(bank.folder, tmp_path / "new")
    convert(bank.folder, tmp_path / "compact", precision="compact")
    found = SceneBank(tmp_path / "compact").scene("ball")
    assert torch.equal(found.micro, compact.micro)
    assert (found.fingerprint, found.record) == ("f", {"seconds": 1.0})
    convert(tmp_path / "compact", tmp_path / "half", precision="float16")
    assert torch.equal(SceneBank(tmp_path / "half").scene("ball").micro, compact.micro.half().float())
    with pytest.raises(InputError, match="its precision is float16"):
        merge(tmp_path / "both", [tmp_path / "compact", tmp_path / "half"])


def test_what_is_damaged_or_cannot_be_stored_is_said(tmp_path: Path) -> None:
    model = untrained_model(planes=PlaneConfig(resolution=8, micro_features=2, macro_features=2, base_planes=1))
    bank = SceneBank.create(tmp_path / "bank", model, precision="small")
    micro = random_planes(8, 2)
    bank.add("a", StoredScene(micro, torch.zeros(1), "f", {}))
    assert (bank.scene("a").micro - micro).abs().max() < 0.02
    for wrong in (float("nan"), 1e30):
        with pytest.raises(InputError, match=r"scene 'b' cannot be stored: .* choose precision float32") as refusal:
            bank.add("b", StoredScene(micro * wrong, torch.zeros(1), "f", {}))
        assert "\n" not in str(refusal.value)
    assert not faults(SceneBank(bank.folder))
    start = bank.folder / "start.safetensors"
    content = start.read_bytes()
    start.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert str(start) in faults(SceneBank(bank.folder))[0]
    with pytest.raises(InputError, match="scene 'a' is damaged"):
        SceneBank(bank.folder).scene("a")
    for content in (b"", b"\x03" + bytes(50), b"\x02" + bytes(5), b"\x01" + bytes(5)):
        with pytest.raises(InputError, match="its micro planes"):
            layout.decode(content, model.start_micro)


def test_scenes_without_micro_planes_take_a_byte() -> None:
    model = untrained_model(planes=PlaneConfig(resolution=8, micro_features=0, macro_features=2, base_planes=1))
    scene = Scene(model, model.start_micro, model.start_coefficients)
    assert len(coded_micro(scene)) == 1
    assert layout.decode(b"\x01", model.start_micro)[0].shape == (3, 8, 8, 0)


@pytest.mark.parametrize("of", ["ball", "random", "first version"])
def test_the_page_reads_the_same_bits(of: str, compact: Scene, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    micro, start = compact.micro, compact.model.start_micro
    content = bytes(coded_micro(compact).numpy())
    if of == "random":  # planes that cannot be halved, and large numbers
        micro, start = 100 * random_planes(9, 3), random_planes(9, 3)
        content = layout.encode(micro, start, Coding.plain(3, 9))
    elif of == "first version":
        content, start = OF_FIRST_VERSION, START_OF_FIRST_VERSION
    shutil.copyfile(PAGE / "coding.js", tmp_path / "coding.mjs")
    (tmp_path / "read.mjs").write_text(READ)
    (tmp_path / "coded").write_bytes(content)
    (tmp_path / "start").write_bytes(start.numpy().tobytes())
    files = [str(tmp_path / name) for name in ("read.mjs", "coded", "start", "out")]
    subprocess.run([node, *files[:3], json.dumps(list(start.shape)), files[3]], check=True)
    found = np.fromfile(tmp_path / "out", np.float32).reshape(3, start.shape[3], *start.shape[1:3])
    assert np.array_equal(found.transpose(0, 2, 3, 1), layout.decode(content, start)[0].numpy())
