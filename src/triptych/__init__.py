"""triptych: learn thousands of similar 3D scenes fast and small."""

__version__ = "0.1.0"
