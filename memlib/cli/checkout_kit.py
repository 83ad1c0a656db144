"""The website's machinery: it lies in the checkout, beside this package, not in it."""

import sys

from memlib.base.checkout import checkout_path


def find_kit() -> None:
    """Make ``kit`` importable; what a plain pip install lacks is said in one line.

    Raises
    ------
    InputError
        When this package was installed without its checkout.
    """
    folder = str(checkout_path("book"))
    if folder not in sys.path:
        sys.path.insert(0, folder)
