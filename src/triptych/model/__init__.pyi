from .category_model import CategoryModel
from .config import ModelConfig
from .origin import Origin
from .places import MODEL_FILE, SHARED_FILE, SHIPPED, find_autoencoder, find_model, find_shipped
from .scene_views import SceneViews

__all__ = [
    "MODEL_FILE",
    "SHARED_FILE",
    "SHIPPED",
    "CategoryModel",
    "ModelConfig",
    "Origin",
    "SceneViews",
    "find_autoencoder",
    "find_model",
    "find_shipped",
]
