"""Decoded pictures of datasets on the disk."""
