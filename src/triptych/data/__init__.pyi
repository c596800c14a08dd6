from .arrays import cameras_from_arrays, dataset_from_arrays
from .config import DatasetConfig
from .dataset import Dataset, open_dataset
from .formats.added import PosedPicture, SceneLayout
from .inspection.contact_sheet import write_contact_sheet
from .inspection.report import InspectionReport, inspect_dataset
from .scene_names import choose_names
from .selection import require_disjoint
from .splits import ViewSplit

__all__ = [
    "Dataset",
    "DatasetConfig",
    "InspectionReport",
    "PosedPicture",
    "SceneLayout",
    "ViewSplit",
    "cameras_from_arrays",
    "choose_names",
    "dataset_from_arrays",
    "inspect_dataset",
    "open_dataset",
    "require_disjoint",
    "write_contact_sheet",
]
