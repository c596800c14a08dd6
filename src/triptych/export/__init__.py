"""Taking scenes away: videos, planes, pictures, meshes, single scenes, web pages."""

from triptych.bank import save_scene
from triptych.data.formats.transforms import read_cameras
from triptych.export.encoding import write_video
from triptych.export.images import write_images
from triptych.export.mesh import MeshConfig, extract_mesh
from triptych.export.mesh_files import check_mesh_file, write_mesh, write_meshes
from triptych.export.planes import write_planes
from triptych.export.video import comparison_frames, counterpart, orbit_frames, true_path, write_orbit
from triptych.export.web import write_web

__all__ = [
    "MeshConfig",
    "check_mesh_file",
    "comparison_frames",
    "counterpart",
    "extract_mesh",
    "orbit_frames",
    "read_cameras",
    "save_scene",
    "true_path",
    "write_images",
    "write_mesh",
    "write_meshes",
    "write_orbit",
    "write_planes",
    "write_video",
    "write_web",
]
