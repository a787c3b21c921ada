"""Monitoring: what a running service learns of its own answers, and a release that answers unseen beside it."""
