"""What makes the website: chapters, their execution, cleaning and rendering, and its pages' data."""
