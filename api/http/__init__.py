"""What every resource shares at the edge: middleware, keys and scopes, limits, problems, cursors and rows of a body."""
