"""What a stored result is: its schema, its provenance, reading and writing (no torch)."""
