"""The resource `maintenance`: planned work that is no surge."""
