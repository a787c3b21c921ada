"""Tuning: which settings of routing would have served best on blocks of the history that came later."""
