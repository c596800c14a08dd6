"""Autoencoders: images to small latents and back, and the scale in which the latents are rendered."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
