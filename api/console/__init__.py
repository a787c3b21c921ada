"""The agent's console: pages made on the server, moved by htmx, understood without scripts too."""
