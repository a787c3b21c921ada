"""Live: what became of a release's answers in service, how its incidents have changed, and what that contradicts."""
