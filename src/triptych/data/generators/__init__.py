"""Datasets that triptych makes itself: procedural cars, and views of meshes."""
