"""Experiments: one harness that trains, fits and measures methods on sets of scenes, and what is made with it.

``methods`` says how a method learns and fits, ``scene_sets`` which scenes it is measured on, ``harness`` measures and
keeps it, ``curves`` holds quality against time. ``quality``, ``reproduce`` (with ``slides``) and ``demo`` choose the
sets, the methods and what is shown.
"""
