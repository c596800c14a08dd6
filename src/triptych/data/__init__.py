"""What a scene is on disk, and the one interface to all of them.

Every format (ShapeNet-SRN folders, transforms.json of Blender, nerfstudio and instant-ngp) has a parser of
its own, which converts it to the one camera convention of ``triptych.geometry``; the rest of triptych sees a
``Dataset``.
"""

from triptych.data.arrays import cameras_from_arrays, dataset_from_arrays
from triptych.data.dataset import Dataset, DatasetConfig, open_dataset
from triptych.data.inspection.contact_sheet import write_contact_sheet
from triptych.data.inspection.report import InspectionReport, inspect_dataset
from triptych.data.scene_names import choose_names
from triptych.data.selection import require_disjoint, select_scenes
from triptych.data.splits import ViewSplit

__all__ = [
    "Dataset",
    "DatasetConfig",
    "InspectionReport",
    "ViewSplit",
    "cameras_from_arrays",
    "choose_names",
    "dataset_from_arrays",
    "inspect_dataset",
    "open_dataset",
    "require_disjoint",
    "select_scenes",
    "write_contact_sheet",
]
