"""The command line; ``main`` is what ``triptych`` runs."""

from triptych.cli.main import main

__all__ = ["main"]
