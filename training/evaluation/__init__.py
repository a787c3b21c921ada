"""Evaluation: what a release answers to incidents it has not seen, and what follows from that."""
