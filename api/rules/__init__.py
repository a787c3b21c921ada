"""Exclusion rules."""
