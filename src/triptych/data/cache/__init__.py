"""Decoded pictures, kept on the disk."""
