"""A folder of meshes as a posed dataset, drawn by casting rays with Embree.

The way of a mesh: ``folder`` finds the files, ``gltf`` and ``wavefront`` read them into the plain arrays of
``mesh``, with ``pictures`` and ``textures``; ``loading`` is the one door to both. ``standing`` and ``framing`` set it
upright in the scene box, ``tracing`` draws it with ``shading``, ``light`` and ``backs``. ``grouping`` keeps copies of
one mesh on one side of the split, ``report`` says what became of each, ``dataset`` does a whole folder.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
