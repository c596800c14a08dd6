"""Reading glTF 2.0 files: everything that they say about geometry and color.

``container`` takes the file apart into its header and its buffers, ``header`` asks for the header's fields by
type, ``accessors`` makes arrays of the buffers, with ``compression`` for packed ones, ``nodes`` places the
parts, ``deformation`` poses them, ``primitives`` makes them triangles, ``materials`` and ``textures`` color
them, and ``extensions`` says what becomes of each extension.
"""

from triptych.data.generators.meshes.gltf.reading import read_gltf

__all__ = ["read_gltf"]
