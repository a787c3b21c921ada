"""The way back: a private note, tags and certified values, written to a record through its system's REST API."""
