"""A folder of meshes as a posed dataset, drawn by casting rays with Embree.

The way of a mesh: ``reading`` finds the files and opens them, ``materials`` reads their colours, ``loading``
turns them into plain arrays that stand upright in the scene box, ``tracing`` draws them, ``grouping`` keeps
copies of one mesh on one side of the split, ``dataset`` does a whole folder.
"""

from triptych.scenes.meshes.dataset import RenderConfig, render_meshes

__all__ = ["RenderConfig", "render_meshes"]
