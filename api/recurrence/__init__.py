"""Recurrence: how often faults come back, and whether a fix held."""
