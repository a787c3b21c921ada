"""The resource `changes`: what was changed, and whether incidents follow."""
