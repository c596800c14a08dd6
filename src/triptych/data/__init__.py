"""Datasets: scenes as posed pictures on the disk, behind one interface.

Each format (ShapeNet-SRN folders; transforms.json of Blender, nerfstudio and instant-ngp; COLMAP, CO3D, EG3D and
others) has a parser of its own, which converts it to the one camera convention of ``triptych.geometry``. The rest of
triptych sees a ``Dataset``.

    formats                          reading and writing scenes: layouts of folders, parsers, masks, lenses
    pictures, decoding, cache        pictures, decoded once and kept as memory maps
    backgrounds                      what objects stand before
    index, dataset, splits, box      what a dataset is: cameras, fitted and held-out views, the scene box
    scene_names, selection           which scenes ``--scenes`` chooses
    posed_views                      the views that a training loop draws from
    validation, notes, inspection    what is wrong or doubtful, and a report for people to look at
    generators                       datasets that triptych makes: procedural cars, views of meshes
    arrays, opening                  datasets in memory; datasets opened, or made first, with progress shown
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
