"""The checkout that memlib runs from: data, results, notebooks and book lie beside the package."""

from pathlib import Path

from memlib.base.errors import InputError

ROOT = Path(__file__).parents[2]


def is_checkout() -> bool:
    """Say whether this package lies in its checkout; one that pip copied elsewhere does not."""
    return (ROOT / "pyproject.toml").is_file()


def checkout_path(*parts: str) -> Path:
    """Return a path in the checkout.

    Raises
    ------
    InputError
        When this package was installed without its checkout.
    """
    if not is_checkout():
        raise InputError(
            f"{'/'.join(parts)} is not in {ROOT}, where memlib is installed: figures, results and "
            "the book need a clone of its repository, measures of your own networks do not"
        )
    return ROOT.joinpath(*parts)


def stored_path(name: str) -> Path:
    """Return a file of the checkout's ``data/results`` by its name, or a path ending in .nc."""
    path = Path(name)
    return path if path.suffix == ".nc" else checkout_path("data", "results", f"{name}.nc")
