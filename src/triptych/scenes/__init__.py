"""What a scene is on disk, and the one interface to all of them.

Every format (ShapeNet-SRN folders, transforms.json of Blender, nerfstudio and instant-ngp) has a parser of
its own, which converts it to the one camera convention of ``triptych.geometry``; the rest of triptych sees a
``SceneCollection``.
"""

from triptych.scenes.arrays import collection_from_arrays
from triptych.scenes.collection import DatasetConfig, SceneCollection, open_collection
from triptych.scenes.contact_sheet import write_contact_sheet
from triptych.scenes.inspect import InspectionReport, inspect_dataset
from triptych.scenes.scene_names import choose_names
from triptych.scenes.selection import require_disjoint, select_scenes
from triptych.scenes.splits import ViewSplit

__all__ = [
    "DatasetConfig",
    "InspectionReport",
    "SceneCollection",
    "ViewSplit",
    "choose_names",
    "collection_from_arrays",
    "inspect_dataset",
    "open_collection",
    "require_disjoint",
    "select_scenes",
    "write_contact_sheet",
]
