"""The category model: everything that the scenes of a category share."""

from triptych.model.category_model import CategoryModel, ModelConfig, SceneViews
from triptych.model.places import MODEL_FILE, SHARED_FILE, SHIPPED, find_model, find_shipped

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
