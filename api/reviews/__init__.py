"""The resource `reviews`: a quarter's review, new or as it was frozen, and what becomes of its proposals."""
