from .config import NewScenes, ViewerConfig
from .launch import open_viewer

__all__ = [
    "NewScenes",
    "ViewerConfig",
    "open_viewer",
]
