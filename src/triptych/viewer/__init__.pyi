from .config import ViewerConfig
from .launch import open_viewer

__all__ = [
    "ViewerConfig",
    "open_viewer",
]
