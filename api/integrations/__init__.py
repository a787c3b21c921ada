"""The dialects of the systems around us: their payload in, a diagnosis in their own form out, and the way back."""
