"""The exported web page: its files, and what a browser draws from them."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damage import damage_scene
from exact_ball import exact_ball
from PIL import Image

from triptych import InputError, Orbit, SceneBank, Scenes, StoredScene, open_scenes
from triptych.autoencoder import ConvolutionalAutoencoder, ConvolutionalConfig, LatentNormalization
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.data.cache.entry import default_cache
from triptych.export import write_web
from triptych.export.web import runtime as web_runtime
from triptych.export.web.onnx import write_onnx
from triptych.export.web.quantizing import quantized
from triptych.model import CategoryModel, ModelConfig
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig

CLOSE_DECIBELS = 35.0
ON_THE_CANVAS = """() => {
    const canvas = document.querySelector("#picture");
    return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
}"""
RENDERED = "async view => Array.from((await triptych.render(view)).data)"


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """onnxruntime-web: of the cache, else by npm, else a skip."""
    kept = default_cache() / f"onnxruntime-web-{web_runtime.VERSION}"
    if kept.is_dir():
        return kept
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs onnxruntime-web: neither in the cache nor is there npm to fetch it")
    folder = tmp_path_factory.mktemp("npm")
    packed = subprocess.run([npm, "pack", f"onnxruntime-web@{web_runtime.VERSION}"], cwd=folder, capture_output=True)
    if packed.returncode:
        pytest.skip("needs onnxruntime-web: npm's registry cannot be reached")
    return next(folder.glob("*.tgz"))


@pytest.fixture
def pretended_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that passes for the pinned one."""
    contents = {name: name.encode() for name in web_runtime.SHA256}
    monkeypatch.setattr(web_runtime, "SHA256", {name: sha256(text).hexdigest() for name, text in contents.items()})
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in contents.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return path


@pytest.fixture
def scenes(trained_balls: Path) -> Scenes:
    return open_scenes(trained_balls / "trained_scenes", trained_balls)


INTRICATE = ConvolutionalConfig(channels=5, width=8, blocks=1, precision="float32")
EIGHTH = ConvolutionalConfig(
    channels=5, downscale=8, width=20, blocks=2, inner_width=24, inner_blocks=2, precision="float32"
)
TOO_WIDE_FOR_STEPS = ConvolutionalConfig(channels=5, width=64, expansion=4, blocks=1, precision="float32")


def intricate_scenes(folder: Path, autoencoder_config: ConvolutionalConfig = INTRICATE) -> Scenes:
    """Two blobs of a model with every switch the other way than in the shipped one; one has a nasty name."""
    generator = torch.Generator().manual_seed(0)
    planes = PlaneConfig(resolution=12, micro_features=5, macro_features=5, base_planes=2, combine="sum")
    config = ModelConfig(
        planes,
        MLPConfig(hidden=6, channel_activation="sigmoid", density_shift=0.0),
        SamplingConfig(coarse=12, importance=9, supersample=2),
        height=32,
        width=48,
    )
    torch.manual_seed(0)
    autoencoder = ConvolutionalAutoencoder(autoencoder_config)
    tanh = LatentNormalization("tanh", torch.zeros(5), torch.full((5,), 2.0))
    aabb = torch.tensor([[-0.4, -0.5, -0.3], [0.5, 0.4, 0.6]])
    base = 0.3 * torch.randn(planes.base_shape, generator=generator)
    model = CategoryModel(config, autoencoder, tanh, base, aabb, {}).requires_grad_(False).eval()
    for layer in (autoencoder.decoder.stem, autoencoder.decoder.last):  # so that what the network does is seen
        layer.weight.copy_(0.1 * torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(0)))
    # Dense where the features are large, so that there are surfaces, and empty cells.
    model.mlp.output.weight[0] = 6.0
    model.mlp.output.bias[0] = -40.0
    bank = SceneBank.create(folder, model, precision="float32")
    for name in ("plain", "../<img src=x onerror=alert(1)>"):
        micro = torch.randn(planes.micro_shape, generator=generator)
        bank.add(name, StoredScene(micro, torch.randn(2, generator=generator), "f", {}))
    return Scenes(bank, model)


def thin_scenes(folder: Path) -> Scenes:
    """Gray poles, each a quarter of a cell, that pass between the middles of cells."""
    planes = PlaneConfig(resolution=64, micro_features=1, macro_features=0, base_planes=0)
    mlp = MLPConfig(hidden=1, hidden_activation="relu", density_shift=0.0)
    config = ModelConfig(planes, mlp, SamplingConfig(coarse=96, importance=0), height=32, width=48)
    aabb = torch.tensor([[-0.4, -0.5, -0.3], [0.5, 0.4, 0.6]])
    unit = LatentNormalization("affine", torch.zeros(3), torch.ones(3))
    model = CategoryModel(config, IdentityAutoencoder(), unit, torch.zeros(planes.base_shape), aabb, {})
    model.requires_grad_(False).eval()
    model.mlp.hidden.weight.fill_(1.0)
    model.mlp.hidden.bias.zero_()
    model.mlp.output.weight.zero_()
    model.mlp.output.weight[0] = 200.0
    model.mlp.output.bias.copy_(torch.tensor([-120.0, 0.2, 0.2, 0.2]))
    micro = torch.zeros(planes.micro_shape)
    micro[0, 10:56:9, 7:56:9] = 1.0  # in the plane XY: one texel each, so upright
    bank = SceneBank.create(folder, model, precision="float32")
    bank.add("poles", StoredScene(micro, torch.zeros(0), "f", {}))
    return Scenes(bank, model)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.square(one - other).mean() + 1e-12))


@pytest.mark.parametrize("kind", ["trained", "intricate", "eighth"])
@pytest.mark.parametrize(
    ("graphics", "decoder"), [("webgl", "graphics"), ("webgl", "processor"), ("webgpu", "graphics")]
)
def test_a_browser_draws_what_python_draws(
    kind: str,
    graphics: str,
    decoder: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    browser_page: tuple[Any, list[str]],
) -> None:
    if kind == "trained":
        scenes = request.getfixturevalue("scenes")
    else:
        scenes = intricate_scenes(tmp_path / "bank", INTRICATE if kind == "intricate" else EIGHTH)
    write_web(tmp_path / "site", scenes, title="<b>Balls</b>")
    assert not (tmp_path / "site" / "runtime").exists()
    check_drawn(tmp_path / "site", f"?graphics={graphics}&decoder={decoder}", scenes, browser_page)
    page, _ = browser_page
    assert graphics in page.locator("#speed").inner_text().lower()
    assert page.locator("h1").inner_text() == "<b>Balls</b>"
    assert set(page.locator("#scenes-a span").all_inner_texts()) == set(scenes)


@pytest.mark.parametrize("graphics", ["webgl", "webgpu"])
def test_a_browser_draws_thin_parts(graphics: str, tmp_path: Path, browser_page: tuple[Any, list[str]]) -> None:
    scenes = thin_scenes(tmp_path / "bank")
    write_web(tmp_path / "site", scenes)
    check_drawn(tmp_path / "site", f"?graphics={graphics}", scenes, browser_page)


def test_other_decoders_are_run_by_onnxruntime(
    runtime: Path, tmp_path: Path, browser_page: tuple[Any, list[str]]
) -> None:
    pytest.importorskip("onnxscript", reason="needs onnxscript")
    scenes = intricate_scenes(tmp_path / "bank", TOO_WIDE_FOR_STEPS)
    write_web(tmp_path / "site", scenes, runtime=runtime)
    check_drawn(tmp_path / "site", "", scenes, browser_page)


def check_drawn(site: Path, query: str, scenes: Scenes, browser_page: tuple[Any, list[str]]) -> None:
    """Whether the page's pictures are Python's, of both ends of a blend and between."""
    first, other = scenes[next(iter(scenes))], scenes[list(scenes)[-1]]
    cameras = scenes.model.along(Orbit(3, elevation_degrees=20.0))
    with served(site) as url:
        page, complaints = browser_page
        page.goto(f"{url}{query}")
        page.locator("#speed", has_text="ms").wait_for()
        for share, view in ((0.0, 0), (1.0, 1), (0.4, 2)):
            camera = {"c2w": cameras.c2w[view].tolist(), "intrinsics": cameras.intrinsics[view].tolist()}
            asked = {"a": first.name, "b": other.name, "share": share, "camera": camera}
            drawn = page.evaluate(RENDERED, asked)
            truth = first.blend(other, share).render(cameras[[view]]).images[0].clamp(0, 1).permute(1, 2, 0).numpy()
            pixels = np.array(drawn).reshape(*truth.shape[:2], 4)[..., :3] / 255
            assert truth.std() > 0.02
            assert decibels(pixels, truth) > CLOSE_DECIBELS
    assert not complaints


@pytest.mark.parametrize("obstacle", ["none", "no adapter", "no device", "broken shader"])
def test_a_graphics_card_is_used_by_webgpu_and_by_webgl_where_that_fails(
    obstacle: str, scenes: Scenes, tmp_path: Path, browser_page: tuple[Any, list[str]]
) -> None:
    write_web(tmp_path / "site", scenes)
    if obstacle == "broken shader":
        (tmp_path / "site" / "webgpu" / "convolution.wgsl").write_text("fn main(")
    page, complaints = browser_page
    page.add_init_script("Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { value: false });")
    if obstacle == "no adapter":
        page.add_init_script("GPU.prototype.requestAdapter = async () => null;")
    if obstacle == "no device":
        page.add_init_script("GPUAdapter.prototype.requestDevice = async () => { throw new Error('none'); };")
    with served(tmp_path / "site") as url:
        page.goto(f"{url}?decoder=graphics")
        name = "WebGPU" if obstacle == "none" else "WebGL2"
        page.locator("#speed", has_text=f"ms ({name})").wait_for()
        assert page.locator("#status").is_hidden()
    assert not complaints


def test_graphics_and_processor_decode_alike_at_any_size(tmp_path: Path, browser_page: tuple[Any, list[str]]) -> None:
    scenes = intricate_scenes(tmp_path / "bank")
    write_web(tmp_path / "site", scenes)
    drawn = []
    with served(tmp_path / "site") as url:
        page, _ = browser_page
        for query in ("decoder=processor", "decoder=graphics", "graphics=webgpu&decoder=graphics"):
            page.goto(f"{url}?{query}")
            page.locator("#speed", has_text="ms").wait_for()
            drawn.append(np.array(page.evaluate(RENDERED, {"a": next(iter(scenes)), "scale": 0.4}), float))
    assert len(drawn[0]) == 4 * (3 * 4) * (5 * 4)
    for other in drawn[1:]:
        assert np.abs(other - drawn[0]).max() <= 1 < drawn[0].std()


def test_the_page_begins_where_its_address_says_and_follows_keys(
    scenes: Scenes, tmp_path: Path, browser_page: tuple[Any, list[str]]
) -> None:
    write_web(tmp_path / "site", scenes)
    with served(tmp_path / "site") as url:
        page, complaints = browser_page
        page.goto(f"{url}?a=ball_1&b=ball_2&share=0.25&azimuth=100&elevation=10")
        page.locator("#speed", has_text="ms").wait_for()
        view: dict[str, Any] = {"a": "ball_1", "b": "ball_2", "share": 0.25}
        view["camera"] = {"azimuth_degrees": 100, "elevation_degrees": 10}
        assert page.evaluate(ON_THE_CANVAS) == page.evaluate(RENDERED, view)
        page.locator("#picture").press("ArrowUp")
        page.get_by_label("ball_0").first.check()
        view["a"], view["camera"]["elevation_degrees"] = "ball_0", 15
        drawn = page.evaluate(RENDERED, view)
        page.wait_for_function(f"expected => '' + ({ON_THE_CANVAS})() === '' + expected", arg=drawn)
    assert not complaints


def test_the_page_draws_all_rays_once_it_rests(tmp_path: Path, browser_page: tuple[Any, list[str]]) -> None:
    scenes = intricate_scenes(tmp_path / "bank")
    write_web(tmp_path / "site", scenes)
    with served(tmp_path / "site") as url:
        page, complaints = browser_page
        page.goto(url)
        page.locator("#speed", has_text="16 rays").wait_for()
        first = {"a": next(iter(scenes))}
        one_ray, all_rays = page.evaluate(RENDERED, first | {"rays": 1}), page.evaluate(RENDERED, first)
        assert page.evaluate(ON_THE_CANVAS) == all_rays != one_ray
        page.evaluate(
            """() => {
                window.shown = [];
                const speed = document.querySelector("#speed");
                const note = () => shown.push(parseInt(speed.textContent));
                new MutationObserver(note).observe(speed, { childList: true });
            }"""
        )
        page.locator("#picture").press("ArrowUp")
        page.wait_for_function("() => shown.length === 2")
        coarse, whole = page.evaluate("shown")
        assert coarse in (12, 8, 6, 4, 3)  # the slower the browser, the coarser
        assert whole == 24
    assert not complaints


@pytest.mark.parametrize("graphics", ["webgl", "webgpu"])
def test_a_whole_picture_is_drawn_in_parts_and_given_up_when_something_moves(
    graphics: str, tmp_path: Path, browser_page: tuple[Any, list[str]]
) -> None:
    ball = exact_ball(center=(0.0, 0.0, 0.0), size=(96, 160))
    bank = SceneBank.create(tmp_path / "bank", ball.model)
    bank.add("ball", StoredScene(ball.micro, ball.coefficients, "f", {}))
    write_web(tmp_path / "site", Scenes(bank, ball.model))
    with served(tmp_path / "site") as url:
        page, complaints = browser_page
        page.goto(f"{url}?graphics={graphics}")
        page.locator("#speed", has_text="decoded to 160").wait_for()
        asked, in_parts, at_once = page.evaluate(
            """async () => {
                let asked = 0;
                const isStale = () => !++asked;
                const drawn = [await triptych.render({ a: "ball", isStale }), await triptych.render({ a: "ball" })];
                return [asked, ...drawn.map((picture) => Array.from(picture.data))];
            }"""
        )
        assert asked > 2
        assert in_parts == at_once
        given_up = page.evaluate(
            """async () => {
                let asked = 0;
                return [(await triptych.render({ a: "ball", isStale: () => ++asked === 2 })) === undefined, asked];
            }"""
        )
        assert given_up == [True, 2]
    assert not complaints


def test_a_page_of_many_scenes_is_searched_and_fetches_what_is_looked_at(
    scenes: Scenes, tmp_path: Path, browser_page: tuple[Any, list[str]]
) -> None:
    write_web(tmp_path / "site", scenes)
    file = tmp_path / "site" / "manifest.json"
    manifest = json.loads(file.read_text())
    entry = manifest["scenes"][2]
    manifest["scenes"] += [{**entry, "name": f"copy {number:03d}"} for number in range(300)]
    file.write_text(json.dumps(manifest))
    with served(tmp_path / "site") as url:
        page, complaints = browser_page
        page.goto(f"{url}?embed&scene=ball_1")
        page.wait_for_function(f"() => ({ON_THE_CANVAS})().some((value) => value > 0 && value < 200)")
        assert not page.locator("#choice").is_visible()
        fetched: list[str] = []
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(url)
        page.locator("#speed", has_text="ms").wait_for(state="attached")
        assert sum(address.endswith(".safetensors") and "/scenes/" in address for address in fetched) == 2
        assert page.locator("#scenes-a label").count() < 100
        page.get_by_label("Search").fill("COPY 29")
        assert page.locator("#found").inner_text() == "13 of 303 scenes"
        page.get_by_label("copy 299").first.check()
        drawn = page.evaluate(RENDERED, {"a": "copy 299", "b": "ball_1"})
        page.wait_for_function(f"expected => '' + ({ON_THE_CANVAS})() === '' + expected", arg=drawn)
    assert not complaints


def test_the_decoder_takes_coarser_latents_too(scenes: Scenes, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    assert write_onnx(tmp_path / "decoder.onnx", scenes.model)
    autoencoder = scenes.model.autoencoder
    assert isinstance(autoencoder, ConvolutionalAutoencoder)
    autoencoder.config = replace(autoencoder.config, precision="float32")
    session = onnxruntime.InferenceSession(tmp_path / "decoder.onnx")
    for size in ((3, 5), (4, 2), (9, 9)):
        latents = torch.randn(1, 4, *size, generator=torch.Generator().manual_seed(0))
        (images,) = session.run(None, {"latents": latents.numpy()})
        torch.testing.assert_close(torch.from_numpy(images), scenes.model.decode(latents), rtol=0, atol=1e-4)


def test_the_decoder_is_the_models(scenes: Scenes, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    write_onnx(tmp_path / "decoder.onnx", scenes.model)
    latents = torch.randn(1, 4, *scenes.model.latent_size, generator=torch.Generator().manual_seed(0))
    (images,) = onnxruntime.InferenceSession(tmp_path / "decoder.onnx").run(None, {"latents": latents.numpy()})
    autoencoder = scenes.model.autoencoder
    assert isinstance(autoencoder, ConvolutionalAutoencoder)
    autoencoder.config = replace(autoencoder.config, precision="float32")
    torch.testing.assert_close(torch.from_numpy(images), scenes.model.decode(latents), rtol=0, atol=1e-4)


def test_eight_bits_are_off_by_half_a_step() -> None:
    planes = torch.randn(2, 3, 6, 5, 4, generator=torch.Generator().manual_seed(0))
    planes[..., 3] = 0.25
    found = quantized("base", planes)
    scale, offset = found["base_scale"], found["base_offset"]
    restored = found["base"] * scale[..., None, None] + offset[..., None, None]
    assert found["base"].shape == (2, 3, 4, 6, 5)
    assert ((restored - planes.movedim(-1, 2)).abs() <= 0.501 * scale[..., None, None] + 1e-6).all()
    assert quantized("none", planes[..., :0])["none_scale"].shape == (2, 3, 0)


def test_the_folder_is_replaced_and_nothing_else_is(scenes: Scenes, tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_web(out, scenes.only("ball_2", "ball_0"))
    manifest = json.loads((out / "manifest.json").read_text())
    assert [scene["name"] for scene in manifest["scenes"]] == ["ball_2", "ball_0"]
    assert all((out / scene[key]).is_file() for scene in manifest["scenes"] for key in ("file", "thumbnail"))
    write_web(out, scenes.only("ball_1"))
    assert not (out / "scenes" / "0001.webp").exists()
    assert {entry.stat().st_mode & 0o444 for entry in out.rglob("*.safetensors")} == {0o444}  # a web server may read
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        write_web(tmp_path / "mine", scenes.only("ball_1"))
    assert {entry.name for entry in tmp_path.iterdir()} == {"site", "mine"}


def test_scenes_are_shown_in_the_size_that_they_were_fitted_to(scenes: Scenes, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", scenes.model)
    for name, record in (("small", {}), ("large", {"picture_size": [48, 64]})):
        stored = StoredScene(scenes["ball_0"].micro, scenes["ball_0"].coefficients, "f", record)
        bank.add(name, stored)
    write_web(tmp_path / "site", Scenes(bank, scenes.model))
    manifest = json.loads((tmp_path / "site" / "manifest.json").read_text())
    assert manifest["picture"] == {"height": 48, "width": 64}
    assert (manifest["latent"]["height"], manifest["latent"]["width"]) == (12, 16)
    assert {scene["name"]: scene.get("scale") for scene in manifest["scenes"]} == {"small": 32 / 48, "large": None}
    thumbnails = {scene["name"]: tmp_path / "site" / scene["thumbnail"] for scene in manifest["scenes"]}
    for name, size in (("small", (32, 32)), ("large", (64, 48))):
        with Image.open(thumbnails[name]) as thumbnail:
            assert thumbnail.size == size


def test_wide_and_tall_scenes_fit_into_one_page_as_sharp_as_they_are(scenes: Scenes, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", scenes.model)
    for name, record in (("wide", {"picture_size": [32, 64]}), ("tall", {"picture_size": [48, 32]})):
        stored = StoredScene(scenes["ball_0"].micro, scenes["ball_0"].coefficients, "f", record)
        bank.add(name, stored)
    write_web(tmp_path / "site", Scenes(bank, scenes.model))
    manifest = json.loads((tmp_path / "site" / "manifest.json").read_text())
    assert manifest["picture"] == {"height": 48, "width": 64}
    focal = manifest["orbit"]["intrinsics"][0]
    for entry in manifest["scenes"]:
        own = Orbit.around(scenes.model.aabb).cameras(*{"wide": (32, 64), "tall": (48, 32)}[entry["name"]])
        assert focal * entry["scale"] == pytest.approx(float(own.intrinsics[0, 0]))


def test_what_is_not_square_and_what_is_damaged(tmp_path: Path) -> None:
    ball = exact_ball(center=(0.0, 0.0, 0.0), size=(96, 160))
    bank = SceneBank.create(tmp_path / "bank", ball.model)
    for name in ("ball", "damaged"):
        bank.add(name, StoredScene(ball.micro, ball.coefficients, "f", {}))
    damage_scene(bank.folder, "damaged")
    with pytest.raises(InputError) as refusal:
        write_web(tmp_path / "site", Scenes(bank, ball.model))
    assert refusal.value.args[1] == "1 of 2 scenes left out; the others are written"
    manifest = json.loads((tmp_path / "site" / "manifest.json").read_text())
    (entry,) = manifest["scenes"]
    assert entry["name"] == "ball"
    assert manifest["orbit"]["intrinsics"] == pytest.approx([98.4375, 98.4375, 80, 48])
    assert manifest["background"] == "white"
    with Image.open(tmp_path / "site" / entry["thumbnail"]) as picture:
        rows, columns = np.nonzero((np.asarray(picture.convert("RGB")) < 245).any(axis=-1))
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1


def test_without_onnx_it_says_what_to_install(scenes: Scenes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r'pip install "triptych\[web\]"'):
        write_web(tmp_path / "site", intricate_scenes(tmp_path / "bank", TOO_WIDE_FOR_STEPS))
    assert {entry.name for entry in tmp_path.iterdir()} == {"bank"}
    write_web(tmp_path / "site", scenes.only("ball_1"))  # triptych's own decoders do not need it


def test_onnxruntime_web_is_fetched_once(
    pretended_runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(web_runtime, "URL", pretended_runtime.as_uri())
    fetched = web_runtime.runtime_files()
    assert fetched.keys() == web_runtime.SHA256.keys()
    monkeypatch.setattr(web_runtime, "URL", (tmp_path / "offline").as_uri())
    assert web_runtime.runtime_files() == fetched


def test_another_runtime_is_refused(
    scenes: Scenes, pretended_runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(web_runtime, "URL", (tmp_path / "offline").as_uri())
    (tmp_path / "empty").mkdir()
    damaged = tmp_path / "damaged.tgz"
    damaged.write_bytes(pretended_runtime.read_bytes()[:100])

    def refused(source: Path | None, reason: str) -> None:
        with pytest.raises(InputError, match=reason) as refusal:
            web_runtime.runtime_files(source)
        assert "npm pack onnxruntime-web@" in str(refusal.value)
        assert "\n" not in str(refusal.value)

    refused(None, "cannot be fetched")
    refused(tmp_path / "nothing", "no such file")
    refused(tmp_path / "empty", "missing or not that of version")
    refused(damaged, "damaged")
    monkeypatch.setattr(web_runtime, "SHA256", dict.fromkeys(web_runtime.SHA256, "0" * 64))
    refused(pretended_runtime, "missing or not that of version")
