"""The figures of a report: tables and plots, read off a release's answers to incidents that it had not seen."""
