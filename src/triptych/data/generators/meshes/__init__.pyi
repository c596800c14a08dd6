from .config import RenderConfig
from .dataset import render_meshes

__all__ = [
    "RenderConfig",
    "render_meshes",
]
