"""Monitoring of a release in service: how its predictions fared, drift of its incidents, certificates disproved."""
