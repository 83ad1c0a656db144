"""What makes the website: chapters, their execution and cleaning, pages and their data."""
