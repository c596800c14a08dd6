"""The scene box, and whether the cameras see it."""

import torch
from jaxtyping import Float, Int
from numpy import isfinite, ndarray, searchsorted
from torch import Tensor

from triptych.data.formats.declaration import Declaration
from triptych.data.formats.discovery import DatasetFolder
from triptych.data.index import SceneIndex
from triptych.data.validation import Problems
from triptych.errors import InputError
from triptych.geometry import Cameras, intersect_aabb

DEFAULT_HALF_EXTENT: dict[str, float] = {
    "srn": 0.55,
    "transforms": 1.5,
    "zero123": 0.55,
    "openlrm": 1.05,
    "nmr": 0.55,
    "gobjaverse": 0.55,
}
"""Half the side of the scene box by format: ShapeNet cars fill ±0.55, NeRF-synthetic objects about ±1.2; zero123,
G-Objaverse and NMR scale objects to a cube of side 1, OpenLRM to one of side 2."""


def scene_box(
    half_extent: float | None, dataset: DatasetFolder, declaration: Declaration, index: SceneIndex | None
) -> Float[Tensor, "2 3"]:
    """The box around every scene: ±``half_extent`` if given, else as declared, else around the boxes of all scenes: the
    format's default, or what a scene's cameras look at.

    Args:
        half_extent: half the side of the box in world units.
        dataset: the scenes.
        declaration: what dataset.json says.
        index: of those scenes that could be read; None where none could.

    Raises:
        InputError: nothing says how large some scene is.
    """
    if half_extent is not None:
        return _cube(half_extent)
    if declaration.aabb is not None:
        return torch.from_numpy(declaration.aabb).float()
    own = dict(zip(index.names, index.boxes, strict=True)) if index is not None else {}
    boxes: list[Float[Tensor, "2 3"]] = []
    halves: set[float] = set()
    for scene in dataset.scenes:
        half = DEFAULT_HALF_EXTENT.get(scene.format) if scene.added is None else scene.added.layout.half_extent
        if half is not None:
            halves.add(half)
        elif scene.name in own:
            if not isfinite(own[scene.name]).all():
                raise InputError(f"scene {scene.name}: its cameras look at nothing in common; give half_extent")
            boxes.append(torch.from_numpy(own[scene.name]).float())
    boxes += [_cube(half) for half in halves]
    if not boxes:
        return _cube(1.0)
    return torch.stack([torch.stack(boxes).amin(dim=0)[0], torch.stack(boxes).amax(dim=0)[1]])


def check_box_is_seen(
    index: SceneIndex, rows: Int[ndarray, " view"], aabb: Float[Tensor, "2 3"], problems: Problems
) -> None:
    """Refuse cameras that look past the scene box, the sign of a wrong box, unit or pose convention.

    Raises:
        InputError: no ray of a view meets the box (unless ``problems`` gathers).
    """
    cameras = index.cameras(rows)
    # Three tests, each slower and for fewer views: the box's center, a coarse grid of rays, all rays.
    candidates = torch.nonzero(~_center_in_picture(cameras, aabb)).flatten().tolist()
    candidates = [view for view in candidates if _misses(cameras[[view]].resized(8, 8), aabb)]
    for view in candidates:
        with problems.guard():
            if _misses(cameras[[view]], aabb):
                scene = int(searchsorted(index.starts, rows[view], side="right")) - 1
                distance = float((cameras.c2w[view, :, 3] - aabb.mean(dim=0)).norm())
                raise InputError(
                    f"scene {index.names[scene]}: no ray of view {rows[view] - index.starts[scene]} (counted "
                    f"in sorted order) meets the scene box {aabb.tolist()}, {distance:.3g} away; check its "
                    "pose, or give half_extent"
                )


def note_cameras_inside(
    index: SceneIndex, rows: Int[ndarray, " view"], aabb: Float[Tensor, "2 3"], problems: Problems
) -> None:
    """Note cameras inside the scene box, whose rays start within the object instead of outside it."""
    eyes = torch.from_numpy(index.c2w[rows, :, 3])
    inside = ((eyes > aabb[0]) & (eyes < aabb[1])).all(dim=-1)
    if inside.any():
        scene = int(searchsorted(index.starts, rows[int(inside.int().argmax())], side="right")) - 1
        problems.note(
            f"{int(inside.sum())} of {len(rows)} cameras stand inside the scene box {aabb.tolist()} (the first in "
            f"scene {index.names[scene]}); give a smaller half_extent if the objects are smaller"
        )


def _cube(half: float) -> Float[Tensor, "2 3"]:
    return torch.tensor([[-half] * 3, [half] * 3])


def _center_in_picture(cameras: Cameras, aabb: Float[Tensor, "2 3"]) -> Tensor:
    return cameras.project(aabb.mean(dim=0, keepdim=True)).inside[:, 0]


def _misses(cameras: Cameras, aabb: Float[Tensor, "2 3"]) -> bool:
    _, far = intersect_aabb(cameras.rays(), aabb)
    return not bool((far > 0).any())
