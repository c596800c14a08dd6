"""One fitted scene as one small file, opened together with its category model.

A ``.triptych-scene`` file is safetensors: ``micro`` [3, K, K, F_mic] in half precision, or ``coded``, the bytes of
`triptych.bank.coding`; and ``coefficients`` [M] in single precision. The metadata hold the format, its version, the
scene's name and record, the id of the category model, and the SHA-256 of all other bytes of the file.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from triptych.bank.config import StoragePrecision
from triptych.bank.precision import Decoded, codec_of, coded_micro, is_compact
from triptych.bank.scene import Scene
from triptych.errors import InputError
from triptych.files import Format, read_tensors, write_sealed_tensors
from triptych.model import CategoryModel, find_model, find_shipped

FORMAT = Format(
    "triptych-scene",
    version=3,
    sealed_since=2,
    described="a scene file made by `triptych export scene`",
)
SUFFIX = ".triptych-scene"


def save_scene(path: str | Path, scene: Scene, precision: StoragePrecision | None = None) -> None:
    """Write a scene without its model, whole or not at all.

    Args:
        path: the file, ending in .triptych-scene.
        scene: what to write.
        precision: how its micro planes are stored; by default as a compact bank has them where it comes from one, else
            in half precision.

    Raises:
        InputError: the suffix is another one.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise InputError(f"{path}: expected a file name that ends in {SUFFIX}")
    about = {
        **{field: str(value) for field, value in FORMAT.header().items()},
        "name": scene.name,
        "model": scene.model.identity(),
        "record": json.dumps(dict(scene.record)),
    }
    precision = precision or ("float16" if scene.coding is None else "compact")
    tensors = {**_micro(scene, precision), "coefficients": scene.coefficients.detach().cpu().float()}
    write_sealed_tensors(path, tensors, about)


def _micro(scene: Scene, precision: StoragePrecision) -> dict[str, Tensor]:
    if not is_compact(precision):
        return {"micro": scene.micro.detach().cpu().to(getattr(torch, precision))}
    return {"coded": coded_micro(scene, precision)}


def open_scene(
    path: str | Path, model: CategoryModel | str | Path | None = None, device: torch.device | str = "cpu"
) -> Scene:
    """Open a scene that ``save_scene`` wrote.

    Args:
        path: the file.
        model: its category model, or the folder of it or of the run that trained it, or the name of one that comes
            with triptych; None where it is one of these.
        device: where to render; a model given as such stays where it is, and the scene goes there.

    Raises:
        InputError: the file is missing or damaged, its model is not found, or it belongs to another one.
    """
    path = Path(path)
    tensors, about = read_scene_file(path)
    if not isinstance(model, CategoryModel):
        place = find_shipped(about["model"]) if model is None else find_model(Path(model))
        if place is None:
            raise InputError(f"{path}: its model {about['model']} does not come with triptych; say where it is")
        model = CategoryModel.load(place).to(device)
    if not model.is_known_as(about["model"]):
        raise InputError(
            f"{path}: this scene belongs to model {about['model']}, not to {model.identity()}; give that model"
        )
    coding = None
    if "coded" in tensors:
        tensors["micro"], coding = _decoded(path, tensors["coded"], model)
    planes = model.config.planes
    _check(path, tensors, {"micro": planes.micro_shape, "coefficients": (planes.coefficients,)})
    micro, coefficients = (tensors[key].float().to(model.aabb.device) for key in ("micro", "coefficients"))
    return Scene(model, micro, coefficients, about["name"], json.loads(about["record"]), coding)


def _decoded(path: Path, coded: Tensor, model: CategoryModel) -> Decoded:
    if coded.dtype != torch.uint8:
        raise InputError(f"{path}: coded holds {coded.dtype}, expected bytes; export it again")
    try:
        return codec_of("compact", model.config.planes, model.start_micro).decode(coded.numpy().tobytes())
    except InputError as error:
        raise InputError(f"{path}: {error}; export it again") from None


def read_scene_file(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and metadata of a scene file, compared with its checksum where it has one.

    Raises:
        InputError: the file is missing, damaged, or something else.
    """
    try:
        tensors, about = read_tensors(path)
    except InputError as error:
        raise InputError(f"{error}; export the scene again") from None
    FORMAT.check(path, about)
    try:
        record_is_object = isinstance(json.loads(about["record"]), dict)
    except (KeyError, ValueError, RecursionError):
        record_is_object = False
    if not record_is_object or not {"name", "model"} <= about.keys():
        raise InputError(f"{path}: its name, model or record is missing or damaged; export it again")
    # Copied: what the file maps into memory would be lost with it.
    return {key: tensor.clone() for key, tensor in tensors.items()}, about


def _check(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    for key, shape in expected.items():
        found = list(tensors[key].shape) if key in tensors else None
        if found != list(shape):
            raise InputError(f"{path}: {key} has shape {found}, expected {list(shape)}; export it again")
        if not tensors[key].isfinite().all():
            raise InputError(f"{path}: {key} holds numbers that are not finite; export it again")
