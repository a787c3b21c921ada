"""The resource `service-levels`: what is late, what is at risk, and what to take first."""
