from .config import MeshConfig
from .encoding import write_video
from .images import write_images
from .mesh import extract_mesh
from .mesh_files import check_mesh_file, export_mesh, write_mesh, write_meshes
from .planes import read_planes, write_planes
from .video import comparison_frames, counterpart, orbit_frames, true_path, write_orbit
from .web import write_web

__all__ = [
    "MeshConfig",
    "check_mesh_file",
    "comparison_frames",
    "counterpart",
    "export_mesh",
    "extract_mesh",
    "orbit_frames",
    "read_planes",
    "true_path",
    "write_images",
    "write_mesh",
    "write_meshes",
    "write_orbit",
    "write_planes",
    "write_video",
    "write_web",
]
