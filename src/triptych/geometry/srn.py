"""The cameras of ShapeNet-SRN's cars, which many data sets of this field follow."""

SRN_RADIUS = 1.3
"""Distance of the ShapeNet-SRN car cameras from the origin, in world units."""
SRN_FOCAL = 131.25 / 128
"""Focal length of the ShapeNet-SRN cameras, in image widths."""
