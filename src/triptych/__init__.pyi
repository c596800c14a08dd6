from .bank import (
    PlaneStream,
    Scene,
    SceneBank,
    ScenePlanes,
    Scenes,
    StoredScene,
    open_scene,
    open_scenes,
    save_scene,
    save_scenes,
    scenes_from_planes,
)
from .data import Dataset, PosedPicture, SceneLayout, cameras_from_arrays, dataset_from_arrays
from .errors import InputError
from .evaluation.evaluate import Evaluation
from .geometry import Cameras, Orbit, look_at, orbit_cameras
from .model import CategoryModel, SceneViews
from .training.predicting.config import PredictorTraining
from .training.presets import STAGE1, STAGE2
from .training.watching import StepReport, Watch
from .verbs import (
    evaluate,
    fit,
    inspect_dataset,
    make_cars,
    open_dataset,
    open_model,
    predict,
    pull,
    push,
    render,
    render_meshes,
    train,
    train_predictor,
)
from .version import __version__

__all__ = [
    "STAGE1",
    "STAGE2",
    "Cameras",
    "CategoryModel",
    "Dataset",
    "Evaluation",
    "InputError",
    "Orbit",
    "PlaneStream",
    "PosedPicture",
    "PredictorTraining",
    "Scene",
    "SceneBank",
    "SceneLayout",
    "ScenePlanes",
    "SceneViews",
    "Scenes",
    "StepReport",
    "StoredScene",
    "Watch",
    "__version__",
    "cameras_from_arrays",
    "dataset_from_arrays",
    "evaluate",
    "fit",
    "inspect_dataset",
    "look_at",
    "make_cars",
    "open_dataset",
    "open_model",
    "open_scene",
    "open_scenes",
    "orbit_cameras",
    "predict",
    "pull",
    "push",
    "render",
    "render_meshes",
    "save_scene",
    "save_scenes",
    "scenes_from_planes",
    "train",
    "train_predictor",
]
