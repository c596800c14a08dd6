"""The category model: everything that the scenes of a category share."""

from triptych.model.category_model import CategoryModel
from triptych.model.config import ModelConfig
from triptych.model.places import MODEL_FILE, SHARED_FILE, SHIPPED, find_model, find_shipped
from triptych.model.scene_views import SceneViews

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
