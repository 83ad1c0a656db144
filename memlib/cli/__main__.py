"""Run the command line with ``python -m memlib.cli``."""

from memlib.cli.main import main

main()
