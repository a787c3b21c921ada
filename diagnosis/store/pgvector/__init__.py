"""Migrations of the table of vectors: a line of their own, for databases that keep vectors."""
