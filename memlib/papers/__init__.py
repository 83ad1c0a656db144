"""The papers, a room each; they do not know each other."""
