"""Feedback on a diagnosis, and its undoing."""
