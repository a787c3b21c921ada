"""Diagnoses: one incident or a batch in, stored before they are answered."""
