"""What goes over the wire, as pydantic models: input forgiving where it is safe, output without defaults."""
