from .category_model import CategoryModel
from .config import ModelConfig
from .places import MODEL_FILE, SHARED_FILE, SHIPPED, find_model, find_shipped
from .scene_views import SceneViews

__all__ = [
    "MODEL_FILE",
    "SHARED_FILE",
    "SHIPPED",
    "CategoryModel",
    "ModelConfig",
    "SceneViews",
    "find_model",
    "find_shipped",
]
