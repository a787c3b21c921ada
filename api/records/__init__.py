"""Records: incidents and knowledge articles."""
