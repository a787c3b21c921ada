"""The knowledge base: its state by the incidents that it should answer, and its upkeep."""
