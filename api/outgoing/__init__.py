"""Calls to other systems: which addresses may be reached, and the courier that makes what the outbox owes."""
