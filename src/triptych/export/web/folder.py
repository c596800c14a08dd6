"""Writing the folder: the page, what all scenes share, and each scene."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors.torch import save
from torch import Tensor

from triptych.bank import Scene, Scenes, coded_micro
from triptych.data.backgrounds import color_text
from triptych.errors import InputError
from triptych.export.left_out import LeftOut
from triptych.export.web.layers import StepsDecoder, decoder_in_steps
from triptych.export.web.onnx import require_onnx, write_onnx
from triptych.export.web.quantizing import quantized
from triptych.export.web.runtime import runtime_files
from triptych.files import Format, atomic_directory, read_json, write_json
from triptych.geometry import Cameras, Orbit, bit_grid
from triptych.model import CategoryModel
from triptych.pictures import as_pixels
from triptych.representation.config import EMPTY_OPTICAL_DEPTH, EMPTY_SHARE
from triptych.representation.occupancy import PLACES

FORMAT = Format("triptych-web", version=1, described="a page made by `triptych export web`")
MANIFEST_FILE = "manifest.json"
MOST_CHANNELS = 16
"""A shader of WebGL2 can count on writing to four textures of four channels."""
_THUMBNAIL_SIDE = 192
"""Longest side of a thumbnail in pixels."""
_PAGE = Path(__file__).parent / "page"
_RUNTIME_LICENSE = Path(__file__).parent / "onnxruntime-web.LICENSE"


def write_web(
    out: str | Path,
    scenes: Scenes,
    *,
    title: str = "Scenes",
    runtime: str | Path | None = None,
    on_scene: Callable[[str], object] = lambda name: None,
) -> None:
    """Write a folder of static files that shows scenes in a browser; any static server can hand it out.

    The folder appears when it is whole. One that an earlier call wrote is replaced. Scenes are numbered, so that no
    name of a scene becomes the name of a file.

    Args:
        out: a new or empty folder, or one to replace.
        scenes: scenes of a bank.
        title: heading of the page.
        runtime: where onnxruntime-web is, see ``runtime.runtime_files``; None fetches it once. Only decoders
            that are not triptych's own, or very wide, need it.
        on_scene: told each name once it is written.

    Raises:
        InputError: there is no scene, the folder holds something else, or a browser cannot render this model; onnx is
            not installed or onnxruntime-web cannot be had, and the model needs them; or some scenes are damaged: the
            others are written.
    """
    out, left_out = Path(out), LeftOut(scenes)
    _require_ours(out)
    _require_renderable(scenes.model)
    write_decoder = _decoder_writer(scenes.model, None if runtime is None else Path(runtime))
    with atomic_directory(out) as folder:
        shutil.copytree(_PAGE, folder, dirs_exist_ok=True)
        decoder = write_decoder(folder)
        (folder / "scenes").mkdir()
        orbit, entries, sizes = Orbit.around(scenes.model.aabb), [], []
        for scene in left_out.readable():
            files = _write_scene(folder, f"scenes/{len(entries):04d}", scene, scene.along(orbit))
            entries.append({"name": scene.name, **files})
            sizes.append(scene.picture_size)
            on_scene(scene.name)
        left_out.require_some()
        size = max(height for height, _ in sizes), max(width for _, width in sizes)
        _add_scales(entries, sizes, size)
        (folder / "shared.safetensors").write_bytes(save(_shared_tensors(scenes.model, size)))
        manifest = _manifest(scenes.model, orbit, title, size) | {"decoder": decoder, "scenes": entries}
        write_json(folder / MANIFEST_FILE, manifest)
    left_out.report()


def _require_ours(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    document = read_json(out / MANIFEST_FILE) if (out / MANIFEST_FILE).is_file() else None
    if not isinstance(document, dict) or not FORMAT.is_in(document):
        raise InputError(f"{out}: expected a new or empty folder, or one of `triptych export web`; choose another path")


def _require_renderable(model: CategoryModel) -> None:
    channels = model.autoencoder.channels
    if channels > MOST_CHANNELS:
        raise InputError(f"web: the model's latents have {channels} channels; browsers render at most {MOST_CHANNELS}")


def _decoder_writer(model: CategoryModel, runtime: Path | None) -> Callable[[Path], dict[str, Any]]:
    """What writes the decoder into the folder and describes it, once everything that it needs is there."""
    decoder = decoder_in_steps(model)
    if decoder is not None:
        return lambda folder: _write_steps(folder, decoder)
    require_onnx()
    files = runtime_files(runtime)
    return lambda folder: _write_onnx(folder, model, files)


def _write_steps(folder: Path, decoder: StepsDecoder) -> dict[str, Any]:
    (folder / "decoder.safetensors").write_bytes(save(decoder.tensors))
    return {"kind": "steps", "any_size": True, **decoder.description}


def _write_onnx(folder: Path, model: CategoryModel, runtime: Mapping[str, bytes]) -> dict[str, Any]:
    (folder / "runtime").mkdir()
    shutil.copyfile(_RUNTIME_LICENSE, folder / "runtime" / "LICENSE")
    for name, content in runtime.items():
        (folder / "runtime" / name).write_bytes(content)
    return {"kind": "onnx", "any_size": write_onnx(folder / "decoder.onnx", model)}


def _add_scales(entries: list[dict[str, Any]], sizes: list[tuple[int, int]], size: tuple[int, int]) -> None:
    """Of scenes that were fitted to smaller pictures than the page's: how much smaller.

    Shorter sides are what counts: pictures see as much along these, whatever their shape.
    """
    for entry, own in zip(entries, sizes, strict=True):
        if min(own) < min(size):
            entry["scale"] = min(own) / min(size)


def _manifest(model: CategoryModel, orbit: Orbit, title: str, size: tuple[int, int]) -> dict[str, Any]:
    config = model.config
    latent_height, latent_width = model.latent_size_of(*size)
    return {
        **FORMAT.header(),
        "model": model.identity(),
        "title": title,
        "background": color_text(model.origin.background),
        "picture": {"height": size[0], "width": size[1]},
        "latent": {
            "height": latent_height,
            "width": latent_width,
            "channels": model.autoencoder.channels,
        },
        "aabb": model.aabb.tolist(),
        "planes": asdict(config.planes),
        "mlp": asdict(config.mlp),
        "sampling": asdict(config.sampling),
        "occupancy": {
            "side": bit_grid.SIDE,
            "places": PLACES,
            "empty_optical_depth": EMPTY_OPTICAL_DEPTH,
            "empty_share": EMPTY_SHARE,
        },
        "orbit": _first_view(orbit, orbit.cameras(*size)),
    }


def _first_view(orbit: Orbit, camera: Cameras) -> dict[str, Any]:
    """Where the page's camera begins, which then moves on a sphere around its target."""
    return {
        "target": orbit.center,
        "radius": orbit.radius,
        "azimuth_degrees": orbit.azimuth_degrees,
        "elevation_degrees": orbit.elevation_degrees,
        "intrinsics": camera.intrinsics[0].tolist(),
    }


def _shared_tensors(model: CategoryModel, size: tuple[int, int]) -> dict[str, Tensor]:
    hidden, output = model.mlp.hidden, model.mlp.output
    tensors = {
        "hidden_weight": hidden.weight,
        "hidden_bias": hidden.bias,
        "output_weight": output.weight,
        "output_bias": output.bias,
        "background": model.background(size),
    }
    return _on_cpu(tensors | {"start": model.start_micro.float()} | quantized("base", model.base))


def _write_scene(folder: Path, stem: str, scene: Scene, camera: Cameras) -> dict[str, str]:
    """Write a scene's two files; their paths within the folder."""
    files = {"file": f"{stem}.safetensors", "thumbnail": f"{stem}.webp"}
    tensors = {"coefficients": scene.coefficients, "micro": coded_micro(scene)}
    (folder / files["file"]).write_bytes(save(_on_cpu(tensors)))
    (pixels,) = as_pixels(scene.render(camera).images)
    thumbnail = Image.fromarray(pixels)
    thumbnail.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    thumbnail.save(folder / files["thumbnail"], quality=90)
    return files


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
