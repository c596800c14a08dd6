"""Parser of one scene that COLMAP has reconstructed (Schoenberger and Frahm, Structure-from-Motion Revisited, 2016).

    sparse/0/cameras.bin, images.bin, points3D.bin   or .txt; also in sparse/, colmap/sparse/0/ or the scene's folder
    images/...                                       the pictures, under the names of the images
    masks/...                                        optional: white where the object is

The distortion of its camera models is undone, with OpenCV (extra ``photos``) that of FULL_OPENCV, OPENCV_FISHEYE,
RADIAL_FISHEYE and SIMPLE_RADIAL_FISHEYE. World units and axes are those of the reconstruction: the scene's box is
around the points that its cameras look at.
"""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from triptych.data.formats.axes import inverse
from triptych.data.formats.colmap_model import (
    CAMERA_MODELS,
    ColmapCamera,
    ColmapImage,
    read_cameras,
    read_images,
    read_points,
)
from triptych.data.formats.distortion import (
    Distortion,
    FieldOfViewLens,
    Lens,
    OpenCvLens,
    RadialTangentialThinPrismFisheye,
    ThinPrismFisheye,
)
from triptych.data.formats.layouts import colmap_model
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.pictures import read_header
from triptych.data.validation import Problems, at_picture_size, check_intrinsics, check_pose
from triptych.errors import InputError
from triptych.files import is_folder

_PICTURES = "images"
_ROUNDING = 1e-3


def parse_colmap(name: str, folder: Path, problems: Problems, links: LinkPolicy) -> ParsedScene:
    """Read one reconstructed scene without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the scene's folder.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    model = colmap_model(folder)
    if model is None:
        raise InputError(f"{folder}: expected a COLMAP model, such as sparse/0/cameras.bin")
    for file in sorted(model.iterdir()):
        links.check(file)
    cameras, images = read_cameras(model), read_images(model)
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for image in images:
        with problems.guard():
            frames.append(_read_view(image, cameras, model, finder))
    return assemble_scene(name, folder, frames, problems, is_placed=False, points=read_points(model))


def _read_view(image: ColmapImage, cameras: dict[int, ColmapCamera], model: Path, finder: PictureFinder) -> Frame:
    where = f"{model}, image {image.name!r}"
    place = f"{_PICTURES}/{image.name}" if is_folder(finder.scene / _PICTURES) else image.name
    picture = finder.named(place, where)
    header = read_header(picture)
    camera = cameras.get(image.camera)
    if camera is None:
        raise InputError(f"{where}: there is no camera {image.camera}")
    own, distortion = _lens(camera, f"{model}, camera {image.camera}")
    intrinsics = at_picture_size(own, camera.size, header.size, str(picture))
    if distortion is not None:
        distortion.check(intrinsics, *header.size, f"{model}, camera {image.camera}")
    w2c = np.column_stack([_rotation(image.rotation, where), image.translation])
    c2w = inverse(check_pose(w2c, where))
    return Frame(picture, header, c2w, intrinsics, distortion, mask=find_mask(picture, header.size, finder))


def _lens(camera: ColmapCamera, where: str) -> tuple[Float[np.ndarray, "4"], Lens | None]:
    if not np.isfinite(camera.parameters).all():
        raise InputError(f"{where}: expected finite parameters of {camera.model}, found NaN or infinity")
    values = dict(zip(CAMERA_MODELS[camera.model].split(), camera.parameters, strict=True))
    if "f" in values:
        values["fx"] = values["fy"] = values["f"]
    intrinsics = np.array([values[field] for field in ("fx", "fy", "cx", "cy")])
    check_intrinsics(intrinsics, camera.size, where)
    return intrinsics, _bending(camera.model, values)


def _bending(model: str, values: dict[str, float]) -> Lens | None:
    if model == "FOV":
        return FieldOfViewLens(values["omega"])
    if model == "THIN_PRISM_FISHEYE":
        return ThinPrismFisheye(*_named(values, "k1 k2 p1 p2 k3 k4 sx1 sy1"))
    if model == "RAD_TAN_THIN_PRISM_FISHEYE":
        radial = _named(values, "k0 k1 k2 k3 k4 k5")
        return RadialTangentialThinPrismFisheye(radial, _named(values, "p0 p1"), _named(values, "s0 s1 s2 s3"))
    if model.endswith("FISHEYE"):
        return OpenCvLens("fisheye", _named(values, "k1 k2 k3 k4"))
    if model == "FULL_OPENCV":
        return OpenCvLens("rational", _named(values, "k1 k2 p1 p2 k3 k4 k5 k6"))
    return Distortion(*_named(values, "k1 k2 p1 p2")) or None


def _named(values: dict[str, float], fields: str) -> tuple[float, ...]:
    return tuple(values.get(field, 0.0) for field in fields.split())


def _rotation(quaternion: tuple[float, ...], where: str) -> Float[np.ndarray, "3 3"]:
    length = math.hypot(*quaternion)
    if not abs(length - 1) < _ROUNDING:
        raise InputError(f"{where}: expected a quaternion of length 1, found one of {length:g}")
    w, x, y, z = (part / length for part in quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
