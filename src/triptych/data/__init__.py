"""What a scene is on disk, and the one interface to all of them.

Every format (ShapeNet-SRN folders, transforms.json of Blender, nerfstudio and instant-ngp) has a parser of
its own, which converts it to the one camera convention of ``triptych.geometry``; the rest of triptych sees a
``Dataset``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
