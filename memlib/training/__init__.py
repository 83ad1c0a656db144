"""Networks and how they are trained: layers, losses, steps, and the one loop."""
