"""Datasets: scenes as posed pictures on the disk, behind one interface.

Each format (ShapeNet-SRN folders; transforms.json of Blender, nerfstudio and instant-ngp) has a parser of its own,
which converts it to the one camera convention of ``triptych.geometry``. The rest of triptych sees a ``Dataset``.

    formats                          reading and writing scenes: layouts of folders, parsers, masks, lenses
    pictures, decoding, cache        pictures, decoded once and kept as memory maps
    index, dataset, splits, box      what a dataset is: cameras, fitted and held-out views, the scene box
    scene_names, selection           which scenes ``--scenes`` chooses
    posed_views                      the views that a training loop draws from
    validation, notes, inspection    what is wrong or doubtful, and a report for people to look at
    generators                       datasets that triptych makes: procedural cars, views of meshes
    arrays, opening                  datasets in memory; datasets opened, or made first, with progress shown
"""

from triptych.data.arrays import dataset_from_arrays
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
    "choose_names",
    "dataset_from_arrays",
    "inspect_dataset",
    "open_dataset",
    "require_disjoint",
    "select_scenes",
    "write_contact_sheet",
]
