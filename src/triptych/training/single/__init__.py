"""Fitting a scene by itself: as tri-planes, a NeRF or signed distances, in image space or in a latent space."""
