"""Micro planes in some kilobytes: what a scene adds to the mean scene, transformed, rounded and entropy coded.

`layout` is the form of the bytes, `wavelet` and `symbols` are the two halves of reading and writing them, and
`sensitivity` chooses for a scene what is rounded how much. Whoever reads needs only the first three.
"""
