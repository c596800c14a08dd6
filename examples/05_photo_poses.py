"""Photos into one frame: every scene in the middle of the same box, upright and equally large.

    python examples/05_photo_poses.py DATA

COLMAP's origin, scale and axes are arbitrary, and differ from scene to scene. For pictures taken all around an object,
from the same distance on the whole and never upside down, the cameras alone tell where it is. Which side is its front,
they cannot tell: give `--turn`, in degrees, for one scene at a time.

Each transforms.json is rewritten; the original is kept beside it as transforms_original.json.bak, and rerunning starts
from that.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import tyro


def frame_of(c2w: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Where the object is, told from OpenGL camera-to-world matrices [view, 4, 4].

    Returns:
        a rotation that makes the object upright, the point that the cameras look at, and their median distance from it.
    """
    eyes, backward, up = c2w[:, :3, 3], c2w[:, :3, 2], c2w[:, :3, 1].mean(axis=0)
    # The point nearest to all lines of sight, by least squares: sum (I - d dT) (point - eye) = 0.
    across = np.eye(3) - backward[:, :, None] * backward[:, None, :]
    center = np.linalg.solve(across.sum(axis=0), (across @ eyes[:, :, None]).sum(axis=0))[:, 0]
    # Upright cameras all around have the world's vertical as the mean of theirs.
    z = up / np.linalg.norm(up)
    x = np.cross(z, np.eye(3)[np.abs(z).argmin()])
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z])
    return rotation, center, float(np.median(np.linalg.norm(eyes - center, axis=1)))


def main(data: tyro.conf.Positional[Path], distance: float = 1.3, turn: float = 0.0, scene: str | None = None) -> None:
    """Move the cameras of every scene.

    Args:
        data: folder with one subfolder a scene, each with a transforms.json.
        distance: median distance of the cameras from the object afterward, in world units.
        turn: turn the object by so many degrees around the upright axis.
        scene: only this subfolder.
    """
    for file in sorted(data.glob(f"{scene or '*'}/transforms.json")):
        original = file.with_name("transforms_original.json.bak")
        if not original.exists():
            shutil.copyfile(file, original)
        document = json.loads(original.read_text())
        c2w = np.array([frame["transform_matrix"] for frame in document["frames"]], dtype=float)
        upright, center, measured = frame_of(c2w)
        angle = np.radians(turn)
        turned = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        rotation = turned @ upright
        c2w[:, :3, 3] = (c2w[:, :3, 3] - center) @ rotation.T * (distance / measured)
        c2w[:, :3, :3] = rotation @ c2w[:, :3, :3]
        for frame, matrix in zip(document["frames"], c2w, strict=True):
            frame["transform_matrix"] = matrix.tolist()
        file.write_text(json.dumps(document, indent=1))
        print(f"{file.parent.name}: moved by {np.linalg.norm(center):.3g}, scaled by {distance / measured:.3g}")
    print(f"now look: triptych data inspect {data} --out inspect --half-extent 0.55")


if __name__ == "__main__":
    tyro.cli(main)
