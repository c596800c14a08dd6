"""Reading Wavefront files: ``obj`` the geometry, ``mtl`` the materials, ``polygons`` makes triangles of faces."""

from triptych.data.generators.meshes.wavefront.obj import read_obj

__all__ = ["read_obj"]
