"""Drawing a mesh by casting rays with Embree, under a light that does not depend on the view."""

from dataclasses import replace

import numpy as np
import torch
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Float, UInt8

from triptych.geometry import Cameras
from triptych.scenes.meshes.loading import Mesh

LAYERS = 8
"""Surfaces that one ray looks through at most; the last is taken as solid."""
SOLID = 0.995
"""Opacity from which nothing behind a surface is looked for."""
STEP = 1e-5
"""How far behind a see-through surface a ray goes on, in world units."""

AMBIENT = 0.42
SKY = 0.28
KEY = 0.30
KEY_DIRECTION = np.array([0.45, -0.55, 0.70], np.float32) / np.linalg.norm([0.45, -0.55, 0.70])
WRAP = 0.5


def light(normals: Float[np.ndarray, "hit 3"]) -> Float[np.ndarray, "hit 1"]:
    """Brightness in (0, 1] of a matt surface: constant + sky dome + one soft lamp.

    AMBIENT + SKY (1 + n_z) / 2 + KEY max(0, (n · l + WRAP) / (1 + WRAP)), the last being Lambert's law
    wrapped around the edge of the shadow. It depends on the outward normal alone: all views of a point agree.
    """
    sky = 0.5 + 0.5 * normals[:, 2:]
    lamp = np.maximum(0, (normals @ KEY_DIRECTION[:, None] + WRAP) / (1 + WRAP))
    return AMBIENT + SKY * sky + KEY * lamp


class Tracer:
    """A mesh made ready for many views."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self._embree = EmbreeScene()
        TriangleMesh(self._embree, mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))
        self._texels_per_length = _texel_density(mesh)

    def render(self, cameras: Cameras, samples_per_axis: int) -> UInt8[np.ndarray, "view height width 4"]:
        """Draw all views: straight alpha, white where nothing was hit.

        Args:
            cameras: where to look from; all with the same intrinsics.
            samples_per_axis: a pixel is the mean of so many rays squared, on a regular grid.
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
            spacing: distance between neighbouring rays at distance 1, to read textures no finer than that.
        """
        rgba = np.zeros((len(origins), 4), np.float32)
        rays, travelled = np.arange(len(origins)), np.zeros(len(origins), np.float32)
        for layer in range(LAYERS):
            starts = origins[rays] + travelled[:, None] * directions[rays]
            hits = self._embree.run(starts, directions[rays], output=1)
            met = hits["primID"] >= 0
            rays, hits = rays[met], {name: values[met] for name, values in hits.items()}
            travelled = travelled[met] + hits["tfar"]
            colours = self._shade(hits, directions[rays], travelled * spacing)
            if layer == LAYERS - 1:
                colours /= np.maximum(colours[:, 3:], 1 / 255)
            rgba[rays] += (1 - rgba[rays, 3:]) * colours
            through = rgba[rays, 3] < SOLID
            rays, travelled = rays[through], travelled[through] + STEP
            if len(rays) == 0:
                break
        return rgba

    def _shade(
        self,
        hits: dict[str, np.ndarray],
        directions: Float[np.ndarray, "hit 3"],
        footprint: Float[np.ndarray, " hit"],
    ) -> Float[np.ndarray, "hit 4"]:
        mesh, face = self.mesh, hits["primID"]
        u, v = hits["u"], hits["v"]
        weights = np.stack([1 - u - v, u, v], axis=-1)[:, None, :]
        corners = mesh.faces[face]
        colours = (weights @ mesh.colours[corners])[:, 0]
        colours[:, :3] *= colours[:, 3:]
        textured = mesh.texture_of_face[face]
        for index in np.unique(textured[textured >= 0]):
            chosen = textured == index
            uv = (weights[chosen] @ mesh.uv[corners[chosen]])[:, 0]
            level = np.log2(np.maximum(self._texels_per_length[face[chosen]] * footprint[chosen], 1))
            colours[chosen] *= mesh.textures[index].lookup(uv, np.round(level).astype(np.int64))
        smooth = (weights @ mesh.normals[corners])[:, 0]
        colours[:, :3] *= light(_outward(smooth, hits["Ng"], directions))
        return colours


def _outward(
    smooth: Float[np.ndarray, "hit 3"],
    geometric: Float[np.ndarray, "hit 3"],
    directions: Float[np.ndarray, "hit 3"],
) -> Float[np.ndarray, "hit 3"]:
    """Unit normals on the side of the surface that the ray comes from.

    Neither the winding of the faces nor the sign of the file's normals is reliable. The side a camera sees is
    reliable, and one side of a surface gets one normal, whichever camera sees it.
    """
    geometric = _normalised(geometric)
    geometric = np.where((geometric * directions).sum(-1, keepdims=True) > 0, -geometric, geometric)
    smooth = np.where((smooth * geometric).sum(-1, keepdims=True) < 0, -smooth, smooth)
    return _normalised(np.where(np.abs(smooth).max(-1, keepdims=True) > 1e-3, smooth, geometric))


def _normalised(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-20)


def _texel_density(mesh: Mesh) -> Float[np.ndarray, " face"]:
    """Texels of the whole picture per world unit on every face: the square root of a ratio of areas."""
    corners = mesh.vertices[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1)
    edges = (mesh.uv[mesh.faces[:, 1:]] - mesh.uv[mesh.faces[:, :1]]).astype(np.float64)
    area_uv = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    texels = np.array([np.prod(texture.levels[0].shape[:2]) for texture in mesh.textures] + [0])
    return np.sqrt(area_uv * texels[mesh.texture_of_face] / np.maximum(area, 1e-20))


def _straight(premultiplied: Float[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "height width 4"]:
    alpha = premultiplied[..., 3:]
    rgb = np.where(alpha > 0, premultiplied[..., :3] / np.maximum(alpha, 1e-6), 1.0)
    return (np.clip(np.concatenate([rgb, alpha], axis=-1), 0, 1) * 255 + 0.5).astype(np.uint8)
