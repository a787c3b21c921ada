"""The HTTP service, the agent console, the connectors and the command line."""
