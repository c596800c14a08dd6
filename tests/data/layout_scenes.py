"""Tiny scenes in the layouts of other projects, written from their published conventions, not with the parsers' code.

All show what ``posed_scenes`` shows: view 0 looks back at the origin from x = 2, the others stand around it.
"""

import gzip
import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from posed_scenes import FOCAL, OPENCV_C2W, OPENGL_C2W, SIDE, picture_with_dot, save, turned

VIEWS = 3


def _poses(c2w: list[list[int]], views: int = VIEWS) -> list[np.ndarray]:
    return [np.array(turned(view * 360 / views, c2w)) for view in range(views)]


def write_omniobject3d(root: Path) -> Path:
    """<object>/render/transforms.json and render/images/r_0.png, named without folder and extension."""
    render = root / "toy_001" / "render"
    frames = []
    for view, pose in enumerate(_poses(OPENGL_C2W)):
        save(render / "images" / f"r_{view}.png", picture_with_dot(channels=4))
        frames.append({"file_path": f"r_{view}", "rotation": 0.1, "transform_matrix": pose.tolist()})
    angle = 2 * math.atan(SIDE / 2 / FOCAL)
    (render / "transforms.json").write_text(json.dumps({"camera_angle_x": angle, "frames": frames}))
    return root


def write_rgb_and_pose(root: Path) -> Path:
    """rgb/ and pose/ as SRN has them, without a focal length: half the side is seen under atan(1/2)."""
    for view, pose in enumerate(_poses(OPENCV_C2W)):
        save(root / "object" / "rgb" / f"{view:06d}.png", picture_with_dot())
        (root / "object" / "pose").mkdir(exist_ok=True)
        (root / "object" / "pose" / f"{view:06d}.txt").write_text(" ".join(map(str, pose.flatten())))
    return root


FIELD_OF_VIEW = math.degrees(2 * math.atan(SIDE / 2 / FOCAL))


def write_zero123(root: Path) -> Path:
    """000.png and 000.npy: the rotation and translation of the world to Blender's camera."""
    for view, pose in enumerate(_poses(OPENGL_C2W)):
        save(root / "object" / f"{view:03d}.png", picture_with_dot(channels=4))
        np.save(root / "object" / f"{view:03d}.npy", np.linalg.inv(pose)[:3])
    return root


def write_openlrm(root: Path, intrinsics: Any = None) -> Path:
    """rgba/000.png, pose/000.npy (Blender's camera to world), intrinsics.npy (here for pictures twice as large)."""
    folder = root / "object"
    for view, pose in enumerate(_poses(OPENGL_C2W)):
        save(folder / "rgba" / f"{view:03d}.png", picture_with_dot(channels=4))
        (folder / "pose").mkdir(exist_ok=True)
        np.save(folder / "pose" / f"{view:03d}.npy", pose[:3].astype(np.float32))
    large = [[2 * FOCAL, 2 * FOCAL], [SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    np.save(folder / "intrinsics.npy", np.array(large if intrinsics is None else intrinsics, dtype=np.float32))
    return root


def write_nmr(root: Path) -> Path:
    """image/0000.png and cameras.npz; the world has y up, and pictures reach from -1 to 1."""
    y_up = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])  # z up to y up
    matrices = {}
    for view, pose in enumerate(_poses(OPENCV_C2W)):
        save(root / "object" / "image" / f"{view:04d}.png", picture_with_dot())
        save(root / "object" / "mask" / f"{view:04d}.png", np.full((SIDE, SIDE), 255, np.uint8))
        world = y_up @ pose
        matrices[f"world_mat_{view}"] = np.linalg.inv(world).astype(np.float32)
        matrices[f"world_mat_inv_{view}"] = world
        matrices[f"camera_mat_{view}"] = np.diag([FOCAL / (SIDE / 2), FOCAL / (SIDE / 2), 1.0, 1.0])
    np.savez(root / "object" / "cameras.npz", **matrices)
    return root


def write_gobjaverse(root: Path) -> Path:
    """campos_512_v4/00000/00000.json: the camera's axes, right, down and forward, and its fields of view."""
    angle = 2 * math.atan(SIDE / 2 / FOCAL)
    for view, pose in enumerate(_poses(OPENCV_C2W)):
        folder = root / "object" / "campos_512_v4" / f"{view:05d}"
        save(folder / f"{view:05d}.png", picture_with_dot(channels=4))
        save(folder / f"{view:05d}_albedo.png", picture_with_dot(channels=4))
        axes = {name: pose[:3, column].tolist() for column, name in enumerate(("x", "y", "z", "origin"))}
        description = {"max_depth": 5.0, "bbox": [[-0.5] * 3, [0.5] * 3], "x_fov": angle, "y_fov": angle} | axes
        (folder / f"{view:05d}.json").write_text(json.dumps(description))
    return root


def write_eg3d(root: Path) -> Path:
    """dataset.json: camera to world with OpenCV axes, then intrinsics for pictures of side 1."""
    labels = []
    for name in ("car_a", "car_b"):
        for view, pose in enumerate(_poses(OPENCV_C2W)):
            save(root / name / "rgb" / f"{view:06d}.png", picture_with_dot())
            label = [*pose.flatten().tolist(), FOCAL / SIDE, 0, 0.5, 0, FOCAL / SIDE, 0.5, 0, 0, 1]
            labels.append([f"{name}/rgb/{view:06d}.png", label])
    (root / "dataset.json").write_text(json.dumps({"labels": labels}))
    return root


def write_co3d(root: Path, intrinsics_format: str = "ndc_isotropic") -> Path:
    """A category: PyTorch3D's cameras, points as rows, x to the left, y up, z forward; pictures wider than high.

    The picture is that of ``posed_scenes`` with 8 columns more on either side.
    """
    category, sequence = root / "apple", "110_13051_23361"
    wide = np.pad(picture_with_dot(), ((0, 0), (8, 8), (0, 0)), mode="edge")
    half = np.array([48, 32]) / 2
    unit = half.min() if intrinsics_format == "ndc_isotropic" else half
    entries = []
    for view, pose in enumerate(_poses(OPENCV_C2W)):
        names = {"images": f"frame{view + 1:06d}.jpg.png", "masks": f"frame{view + 1:06d}.png"}
        save(category / sequence / "images" / names["images"], wide)
        save(category / sequence / "masks" / names["masks"], np.full((32, 48), 255, np.uint8))
        left_up_forward = pose[:3, :3] @ np.diag([-1.0, -1, 1])
        viewpoint = {
            "R": left_up_forward.tolist(),
            "T": (-pose[:3, 3] @ left_up_forward).tolist(),
            "focal_length": np.broadcast_to(FOCAL / unit, 2).tolist(),
            "principal_point": [0.0, 0.0],
            "intrinsics_format": intrinsics_format,
        }
        paths = {kind: f"apple/{sequence}/{kind}/{name}" for kind, name in names.items()}
        image, mask = {"path": paths["images"], "size": [32, 48]}, {"path": paths["masks"], "mass": 100.0}
        entries.append({"sequence_name": sequence, "frame_number": view} | {"image": image, "mask": mask})
        entries[-1]["viewpoint"] = viewpoint
    (category / "frame_annotations.jgz").write_bytes(gzip.compress(json.dumps(entries).encode()))
    return category


def quaternion(rotation: np.ndarray) -> list[float]:
    """w, x, y, z of a rotation: the eigenvector of the symmetric matrix of its quaternion's products."""
    m = rotation
    products = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [0, m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [0, 0, m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1]],
            [0, 0, 0, m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    return np.linalg.eigh(products, UPLO="U")[1][:, -1].tolist()


OMEGA = 1.0
"""Of the FOV lens, in radians."""
LENSES: dict[str, tuple[int, list[float]]] = {
    "SIMPLE_PINHOLE": (0, [FOCAL, 16, 16]),
    "PINHOLE": (1, [FOCAL, FOCAL, 16, 16]),
    "SIMPLE_RADIAL": (2, [FOCAL, 16, 16, 0.0]),
    "RADIAL": (3, [FOCAL, 16, 16, 0.0, 0.0]),
    "OPENCV": (4, [FOCAL, FOCAL, 16, 16, 0.0, 0.0, 0.0, 0.0]),
    "OPENCV_FISHEYE": (5, [FOCAL, FOCAL, 16, 16, 0.0, 0.0, 0.0, 0.0]),
    "FOV": (7, [FOCAL, FOCAL, 16, 16, OMEGA]),
    "THIN_PRISM_FISHEYE": (10, [FOCAL, FOCAL, 16, 16, *8 * [0.0]]),
    "RAD_TAN_THIN_PRISM_FISHEYE": (11, [FOCAL, FOCAL, 16, 16, *12 * [0.0]]),
    "RADIAL_FISHEYE": (9, [FOCAL, 16, 16, 0.0, 0.0]),
}
CORNERS = [(x, y, z) for x in (-0.4, 0.4) for y in (-0.3, 0.3) for z in (-0.2, 0.2)]
FAR_AWAY = (30.0, 40.0, 50.0)


def write_colmap(root: Path, kind: str = "bin", model: str = "PINHOLE", parameters: list[float] | None = None) -> Path:
    """sparse/0 with the corners of a box and something far away as points, in binary or as text."""
    folder, number = root / "object", LENSES[model][0]
    lens = LENSES[model][1] if parameters is None else parameters
    sparse = folder / "sparse" / "0"
    sparse.mkdir(parents=True, exist_ok=True)
    images = []
    for view, pose in enumerate(_poses(OPENCV_C2W)):
        save(folder / "images" / f"frame {view}.png", picture_with_dot())
        w2c = np.linalg.inv(pose)
        images.append((view + 1, [*quaternion(w2c[:3, :3]), *w2c[:3, 3]], f"frame {view}.png"))
    points = [*CORNERS * 4, FAR_AWAY]
    if kind == "txt":
        (sparse / "cameras.txt").write_text(f"# a comment\n7 {model} {SIDE} {SIDE} {' '.join(map(str, lens))}\n")
        lines = [f"{image} {' '.join(map(str, pose))} 7 {name}\n1.5 2.5 -1 3 4 9\n" for image, pose, name in images]
        (sparse / "images.txt").write_text("# a comment\n" + "".join(lines).replace("1.5 2.5 -1 3 4 9", "", 1))
        rows = [f"{number} {x} {y} {z} 10 20 30 0.5 1 0 2 5\n" for number, (x, y, z) in enumerate(points)]
        (sparse / "points3D.txt").write_text("# a comment\n" + "".join(rows))
        return root
    camera = struct.pack("<IiQQ", 7, number, SIDE, SIDE) + struct.pack(f"<{len(lens)}d", *lens)
    (sparse / "cameras.bin").write_bytes(struct.pack("<Q", 1) + camera)
    content = struct.pack("<Q", len(images))
    for image, pose, name in images:
        content += struct.pack("<I7dI", image, *pose, 7) + name.encode() + b"\0"
        content += struct.pack("<Q", 2) + struct.pack("<ddq", 1.5, 2.5, -1) * 2
    (sparse / "images.bin").write_bytes(content)
    content = struct.pack("<Q", len(points))
    for number, point in enumerate(points):
        content += struct.pack("<Q3d3Bd", number, *point, 10, 20, 30, 0.5) + struct.pack("<Q", 2) + b"\1" * 16
    (sparse / "points3D.bin").write_bytes(content)
    return root
