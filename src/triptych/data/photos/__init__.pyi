from .config import PhotosConfig, TurntableConfig
from .dataset import import_photos

__all__ = ["PhotosConfig", "TurntableConfig", "import_photos"]
