"""The category model of a bank, whichever version that is of."""

from pathlib import Path

from triptych.errors import InputError
from triptych.model import CategoryModel, find_model, find_shipped

OWN_MODEL = "model"
"""Of a bank's folder: the copy of the category model that a bank may keep."""


def load_model_of(bank: Path, model_id: str, folder: str | Path | None) -> CategoryModel:
    """The category model of a bank, whichever version that is of; see ``SceneBank.load_model``."""
    own = bank / OWN_MODEL
    place = Path(folder) if folder else (own if own.is_dir() else find_shipped(model_id))
    if place is None:
        raise InputError(f"{bank}: this bank keeps no copy of its model; say which one with --model")
    model = CategoryModel.load(find_model(place))
    require_model_of(bank, model_id, model)
    return model


def require_model_of(bank: Path, model_id: str, model: CategoryModel) -> None:
    """Refuse a model that is not the one of a bank."""
    if not model.is_known_as(model_id):
        raise InputError(
            f"{bank}: this bank belongs to model {model_id}, not to {model.identity()}; give that model or another bank"
        )
