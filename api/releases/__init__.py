"""Releases: list, publish, roll back."""
