"""Datasets that triptych makes: procedural cars, and views of meshes. Both can be stopped and resumed."""
