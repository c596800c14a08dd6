"""The index of a dataset: names, cameras and fingerprints of its scenes, no pixels. It fits in memory at any size."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.pictures import shrink_factor
from triptych.data.validation import Problems
from triptych.errors import InputError
from triptych.geometry import Cameras

UNDECLARED, TRAIN, TEST = 0, 1, 2
NO_BOX = np.full((2, 3), np.nan)
_CODES = {None: UNDECLARED, "train": TRAIN, "test": TEST}


@dataclass(frozen=True)
class SceneRows(Sequence[Int[np.ndarray, "_"]]):  # each scene has its own number of views
    """Some rows of each scene, all of them in one array.

    Attributes:
        flat: the rows of one scene after the other.
        starts: the place of each scene's first one, then the number of all.
    """

    flat: Int[np.ndarray, " row"]
    starts: Int[np.ndarray, " scene_starts"]

    @classmethod
    def of(cls, parts: Sequence[Int[np.ndarray, "_"]]) -> "SceneRows":
        """The rows of each scene put together."""
        return cls(np.concatenate(parts), np.cumsum([0, *map(len, parts)]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, scene: int) -> Int[np.ndarray, " view"]:  # type: ignore[override]
        if not -len(self) <= scene < len(self):
            raise IndexError(f"scene {scene} of {len(self)}")
        scene %= len(self)
        return self.flat[self.starts[scene] : self.starts[scene + 1]]


@dataclass(frozen=True)
class SceneIndex:
    """The scenes of a dataset without their pictures; the views of all scenes follow each other as rows.

    Attributes:
        names: scene names, sorted.
        fingerprints: SHA-256 of each scene's content.
        starts: the first row of each scene, then the number of rows.
        c2w: camera-to-world matrices, OpenCV axes.
        intrinsics: fx, fy, cx, cy in pixels of the (downscaled) pictures.
        uses: what the dataset says each view is for: UNDECLARED, TRAIN or TEST.
        height: height of the (downscaled) pictures in pixels.
        width: width of the (downscaled) pictures in pixels.
        has_alpha: whether it is known what is around the object in each scene's pictures, by alpha or masks.
        boxes: lower and upper corner of a box around each scene whose world units say nothing; NaN for the others.
        notes: what may be wrong, one line each.
    """

    names: tuple[str, ...]
    fingerprints: tuple[str, ...]
    starts: Int[np.ndarray, " scene_starts"]
    c2w: Float[np.ndarray, "row 3 4"]
    intrinsics: Float[np.ndarray, "row 4"]
    uses: UInt8[np.ndarray, " row"]
    height: int
    width: int
    has_alpha: Bool[np.ndarray, " scene"]
    boxes: Float[np.ndarray, "scene 2 3"]
    notes: tuple[str, ...] = ()

    @property
    def keeps_alpha(self) -> bool:
        """Whether pictures have a fourth channel, which says how opaque their pixels are."""
        return bool(self.has_alpha.any())

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the pictures that are kept."""
        return self.height, self.width, 4 if self.keeps_alpha else 3

    def cameras(self, rows: Int[np.ndarray, " view"]) -> Cameras:
        """The cameras of the chosen views."""
        c2w, intrinsics = torch.from_numpy(self.c2w[rows]), torch.from_numpy(self.intrinsics[rows])
        return Cameras(c2w, intrinsics, self.height, self.width)

    def every_row(self) -> "SceneRows":
        """The rows of all scenes."""
        return SceneRows(np.arange(self.starts[-1]), self.starts)

    def rows(self, scene: int) -> Int[np.ndarray, " view"]:
        """The rows of a scene's views."""
        return np.arange(self.starts[scene], self.starts[scene + 1])

    def subset(self, scenes: Sequence[int]) -> "SceneIndex":
        """Some scenes, in the order given, with all rows of each."""
        rows = np.concatenate([self.rows(scene) for scene in scenes])
        return replace(
            self,
            names=tuple(self.names[scene] for scene in scenes),
            fingerprints=tuple(self.fingerprints[scene] for scene in scenes),
            starts=np.cumsum([0, *(len(self.rows(scene)) for scene in scenes)]),
            c2w=self.c2w[rows],
            intrinsics=self.intrinsics[rows],
            uses=self.uses[rows],
            has_alpha=self.has_alpha[list(scenes)],
            boxes=self.boxes[list(scenes)],
        )


def fingerprint(scene: ParsedScene) -> str:
    """SHA-256 of a scene's poses (as float32) and of its first picture's file, and that of its mask.

    The name is left out: a renamed copy of a scene is the same scene.

    Raises:
        InputError: the picture's file cannot be read.
    """
    # Adding 0 turns -0 into 0, which some writers use instead of each other.
    digest = hashlib.sha256((scene.c2w.astype("<f4") + np.float32(0)).tobytes())
    for file in (scene.files[0], scene.masks[0]):
        try:
            digest.update(Path(file).read_bytes() if file is not None else b"")
        except OSError as error:
            raise InputError(f"{file}: this picture cannot be read ({error.strerror})") from None
    return digest.hexdigest()


def digest_of(*arrays: np.ndarray) -> str:
    """SHA-256 of what some arrays hold."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def commonest_size(scenes: Sequence[ParsedScene]) -> tuple[int, int]:
    """Height and width of most pictures."""
    return Counter(size for scene in scenes for size in scene.sizes).most_common(1)[0][0]


def check_sizes(scene: ParsedScene, expected: tuple[int, int], problems: Problems) -> None:
    """Refuse pictures that differ in size from the others.

    Raises:
        InputError: one does (unless ``problems`` gathers).
    """
    for file, size in zip(scene.files, scene.sizes, strict=True):
        with problems.guard():
            if size != expected:
                raise InputError(
                    f"{file}: this picture is {size[1]}x{size[0]}, most are {expected[1]}x{expected[0]}; "
                    "expected one size for all pictures"
                )


def index_scenes(scenes: Sequence[ParsedScene], resolution: int | None, notes: Sequence[str] = ()) -> SceneIndex:
    """Put the cameras of all scenes together, for pictures downscaled to ``resolution`` pixels of width.

    Args:
        scenes: the scenes, sorted by name.
        resolution: width in pixels, None for the pictures' own.
        notes: what parsing them has noted.

    Raises:
        InputError: pictures differ in size, cannot be downscaled to it, or cannot be read.
    """
    height, width = commonest_size(scenes)
    factor = shrink_factor(height, width, resolution, scenes[0].files[0])
    for scene in scenes:
        check_sizes(scene, (height, width), Problems())
    counts = [len(scene.files) for scene in scenes]
    return SceneIndex(
        names=tuple(scene.name for scene in scenes),
        fingerprints=tuple(fingerprint(scene) for scene in scenes),
        starts=np.cumsum([0, *counts]),
        c2w=np.concatenate([scene.c2w for scene in scenes]).astype(np.float32),
        intrinsics=(np.concatenate([scene.intrinsics for scene in scenes]) / factor).astype(np.float32),
        uses=np.array([_CODES[use] for scene in scenes for use in scene.uses], dtype=np.uint8),
        height=height // factor,
        width=width // factor,
        has_alpha=np.array([scene.has_alpha for scene in scenes]),
        boxes=np.stack([NO_BOX if scene.aabb is None else scene.aabb for scene in scenes]),
        notes=tuple(notes),
    )
