"""A review as a page, a document and tables."""
