"""The self-service page's questions."""
