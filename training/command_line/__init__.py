"""What the commands share: options, where records come from, words in both languages, and files for programs."""
