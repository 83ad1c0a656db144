"""What makes the website: chapters, their execution, cleaning, rendering, and pages' data."""
