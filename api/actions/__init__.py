"""The resource `actions`: what problems, reviews and gaps ask for."""
