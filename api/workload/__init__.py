"""The resource `workload`: what each group will get and close, and what becomes of its backlog."""
