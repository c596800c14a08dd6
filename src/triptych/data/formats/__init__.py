"""The formats of datasets on the disk: one parser per format, and what the parsers share.

``discovery`` finds the scenes of a folder by their ``layouts`` and has them parsed (``srn``, ``transforms``, ``colmap``
and others, each named after its layout) to a ``parsed_scene``; ``declaration`` reads dataset.json; ``writer`` writes
what is read back.
"""
