"""Sessions of people who are signed in to the console."""
