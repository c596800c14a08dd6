"""The version of triptych."""

__version__ = "0.1.0"
"""The version of this package."""
