"""The console: a first page for a person, rendered here, in Chinese and English, working without scripts."""
