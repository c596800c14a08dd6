"""Layouts of posed pictures on the disk, one file each, and what they share."""
