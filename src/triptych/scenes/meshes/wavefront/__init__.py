"""Reading Wavefront files: ``obj`` the geometry, ``mtl`` the materials, ``polygons`` makes triangles of faces."""

from triptych.scenes.meshes.wavefront.obj import read_obj

__all__ = ["read_obj"]
