"""From records to a published release, and the reports on the way."""
