"""Search over knowledge or past incidents."""
