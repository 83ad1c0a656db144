"""Machinery that runs any paper's figures: pieces, plans, schedules, progress."""
