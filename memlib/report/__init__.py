"""How stored things are drawn and tabled (no torch, and no paper)."""
