"""The ``memlib`` command."""
