"""Drawing a mesh by casting rays with Embree, under a light that does not depend on the view."""

from dataclasses import replace

import numpy as np
import torch
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Float, UInt8

from triptych.data.generators.meshes.backs import find_hidden_backs, seen_from_behind
from triptych.data.generators.meshes.mesh import Mesh
from triptych.data.generators.meshes.shading import Shader
from triptych.geometry import Cameras

LAYERS = 12
"""Surfaces that one ray looks through at most; the last is taken as solid."""
SOLID = 0.995
"""Opacity from which nothing behind a surface is looked for."""
STEP = 1e-5
"""How far behind a see-through surface a ray continues, in world units, ..."""
RELATIVE_STEP = 1e-6
"""... and as a fraction of the way that it has come: single precision knows no less."""


class Tracer:
    """A mesh made ready for many views."""

    def __init__(self, mesh: Mesh) -> None:
        self._embree = EmbreeScene()
        TriangleMesh(self._embree, mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))
        self._shader = Shader(mesh)
        self._mesh = mesh
        self._hidden_back = find_hidden_backs(mesh, self._hits)

    def render(self, cameras: Cameras, samples_per_axis: int) -> UInt8[np.ndarray, "view height width 4"]:
        """Draw all views: straight alpha, white where nothing was hit.

        Args:
            cameras: where to look from; all with the same intrinsics.
            samples_per_axis: each pixel is the mean of this number squared of rays, on a regular grid.
        """
        assert bool((cameras.intrinsics == cameras.intrinsics[0]).all())
        fine = cameras.resized(cameras.height * samples_per_axis, cameras.width * samples_per_axis)
        spacing = 1 / float(fine.intrinsics[0, 0])
        # Rays are the same in every camera's own frame, and turning them is far cheaper than making them.
        unturned = replace(fine[[0]], c2w=torch.eye(3, 4)[None]).rays().directions[0].numpy()
        shape = (cameras.height, samples_per_axis, cameras.width, samples_per_axis, 4)
        pictures = []
        for c2w in cameras.c2w.numpy():
            directions = unturned @ c2w[:, :3].T
            rgba = self.trace(np.broadcast_to(c2w[:, 3], directions.shape), directions, spacing)
            pictures.append(_straight(rgba.reshape(shape).mean(axis=(1, 3))))
        return np.stack(pictures)

    def trace(
        self, origins: Float[np.ndarray, "ray 3"], directions: Float[np.ndarray, "ray 3"], spacing: float
    ) -> Float[np.ndarray, "ray 4"]:
        """Premultiplied RGBA of every ray, see-through surfaces laid over what lies behind them.

        Args:
            origins: where the rays start.
            directions: unit vectors.
            spacing: distance between neighboring rays at distance 1, to read textures no finer than that.
        """
        rgba = np.zeros((len(origins), 4), np.float32)
        rays, traveled = np.arange(len(origins)), np.zeros(len(origins), np.float32)
        for layer in range(LAYERS):
            hits = self._hits(origins[rays] + traveled[:, None] * directions[rays], directions[rays])
            met = hits["primID"] >= 0
            rays, hits = rays[met], {name: values[met] for name, values in hits.items()}
            traveled = traveled[met] + hits["tfar"]
            colors = self._shader.shade(hits, directions[rays], traveled * spacing)
            colors[self._unseen(hits["primID"], directions[rays])] = 0
            if layer == LAYERS - 1:
                colors /= np.maximum(colors[:, 3:], 1 / 255)
            rgba[rays] += (1 - rgba[rays, 3:]) * colors
            through = rgba[rays, 3] < SOLID
            rays, traveled = rays[through], traveled[through] * (1 + RELATIVE_STEP) + STEP
            if len(rays) == 0:
                break
        return rgba

    def _hits(self, origins: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
        return self._embree.run(origins.astype(np.float32), directions.astype(np.float32), output=1)

    def _unseen(self, faces: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Where a ray meets the back of a surface that is hidden from behind."""
        unseen = self._hidden_back[faces]
        unseen[unseen] = seen_from_behind(self._mesh, faces[unseen], directions[unseen])
        return unseen


def _straight(premultiplied: Float[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "height width 4"]:
    alpha = premultiplied[..., 3:]
    rgb = np.where(alpha > 0, premultiplied[..., :3] / np.maximum(alpha, 1e-6), 1.0)
    return (np.clip(np.concatenate([rgb, alpha], axis=-1), 0, 1) * 255 + 0.5).astype(np.uint8)
