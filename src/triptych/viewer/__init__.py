"""A viewer of scenes in the browser, made with viser, which only ``server``, ``session``, ``panel`` and ``frustums``
import: everything else works without it."""

from triptych.viewer.launch import ViewerConfig, open_viewer

__all__ = ["ViewerConfig", "open_viewer"]
