"""The resource `problems`: chronic faults and what preventing them is worth."""
