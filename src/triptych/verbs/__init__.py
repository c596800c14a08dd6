"""What a person does with triptych, one function each, with paths as text and sensible defaults.

Nothing is computed here that the modules below do not compute.
"""

from triptych.verbs.datasets import inspect_dataset, make_cars, open_dataset, render_meshes
from triptych.verbs.sharing import pull, push
from triptych.verbs.stages import evaluate, fit, open_model, predict, render, train, train_predictor

__all__ = [
    "evaluate",
    "fit",
    "inspect_dataset",
    "make_cars",
    "open_dataset",
    "open_model",
    "predict",
    "pull",
    "push",
    "render",
    "render_meshes",
    "train",
    "train_predictor",
]
