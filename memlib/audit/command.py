"""What ``memlib audit`` does: files of features, models and data by name."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from memlib.audit.answer import Audit
from memlib.base.errors import InputError

ENDINGS = (".npz", ".nc", ".csv", ".parquet")
COPIES = "copies_"  # how the names of copies begin: copies_0.1


def audit_file(path: Path, **options: Any) -> Audit:
    """Ask of the features in a file; see `read_features` and `memlib.audit.audit_features`."""
    from memlib.audit.ask import audit_features

    return audit_features(**read_features(path), **options)


def audit_named(model: str, data: str, **options: Any) -> Audit:
    """Ask of a model and data by their names.

    Parameters
    ----------
    model
        ``package.module:name`` of a network, or of a function without arguments that returns one.
    data
        The same of ``(inputs, labels)`` or a Dataset; or an ``.npz`` file with ``inputs``,
        ``labels``, and perhaps ``validation_inputs``, ``validation_labels``, ``groups``.
    """
    from memlib.audit.ask import audit

    network = loaded(model, "--model")
    return audit(network, **_data_of(data), **options)


def load_named(name: str, option: str) -> Any:
    """Return what ``package.module:name`` names; modules in the current folder are found too."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise InputError(f"{option} {name}: write package.module:name")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InputError(f"{option} {name}: {error}") from error
    if not hasattr(module, attribute):
        raise InputError(f"{option} {name}: {module_name} has no {attribute!r}")
    return getattr(module, attribute)


def loaded(name: str, option: str) -> Any:
    """Return the thing of a name, made by calling it where it is a function."""
    return _made(load_named(name, option))


def _made(named: Any) -> Any:
    """Call a function that makes the thing; leave a network or an estimator as it is."""
    import torch

    is_network = isinstance(named, torch.nn.Module) or hasattr(named, "predict")
    return named if is_network or not callable(named) else named()


def _data_of(name: str) -> dict[str, Any]:
    if not name.endswith(".npz"):
        return {"data": loaded(name, "--data")}
    arrays = _arrays(Path(name))
    for needed in ("inputs", "labels"):
        if needed not in arrays:
            raise InputError(f"{name} has no array {needed!r}, only {', '.join(arrays)}")
    given: dict[str, Any] = {"data": (arrays["inputs"], arrays["labels"])}
    if "validation_inputs" in arrays:
        given["validation"] = (arrays["validation_inputs"], arrays.get("validation_labels"))
    if "groups" in arrays:
        given["groups"] = arrays["groups"]
    return given


def read_features(path: Path) -> dict[str, Any]:
    """Return features, labels, copies, validation and groups of a file, by these names.

    ``.npz`` and ``.nc`` hold arrays ``features`` (sample, feature), ``labels``, and perhaps
    ``copies_0.1`` for each strength, ``validation_features``, ``validation_labels``, ``groups``.
    ``.csv`` and ``.parquet`` are tables: a column ``label``, perhaps ``group``, perhaps ``set``
    (``train``, ``validation`` or a strength) with ``sample``, which says what is a copy of what;
    all other columns are features.

    Raises
    ------
    InputError
        When the file cannot be read, or something in it is missing.
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: the name should end in {', '.join(ENDINGS)}")
    if not path.is_file():
        raise InputError(f"no file {path}")
    if path.suffix in (".csv", ".parquet"):
        return _of_table(path)
    arrays = _arrays(path)
    for needed in ("features", "labels"):
        if needed not in arrays:
            raise InputError(f"{path} has no array {needed!r}, only {', '.join(arrays) or 'none'}")
    found: dict[str, Any] = {
        "features": arrays["features"],
        "labels": arrays["labels"],
        "groups": arrays.get("groups"),
    }
    copies = {
        _strength(name.removeprefix(COPIES), path): array
        for name, array in arrays.items()
        if name.startswith(COPIES)
    }
    found["copies"] = copies or None
    if "validation_features" in arrays:
        if "validation_labels" not in arrays:
            raise InputError(f"{path} has validation_features, but no validation_labels")
        found["validation"] = (arrays["validation_features"], arrays["validation_labels"])
    return found


def _strength(text: Any, path: Path) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}: copies {text!r} should be named by their strength") from None


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.suffix == ".nc":
            import xarray as xr

            with xr.open_dataset(path, engine="h5netcdf") as file:
                return {str(name): one.values for name, one in file.load().variables.items()}
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise InputError(f"no file {path}") from None
    except Exception as error:  # each library raises its own kinds on a damaged file
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read: {said}") from error


def _of_table(path: Path) -> dict[str, Any]:
    import pandas as pd

    try:
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except ImportError:
        raise InputError(f"{path}: reading .parquet needs pyarrow, pip install pyarrow") from None
    except Exception as error:
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if "label" not in table:
        raise InputError(f"{path} has no column 'label', only {', '.join(map(str, table.columns))}")
    sets = table["set"].astype(str) if "set" in table else pd.Series("train", index=table.index)
    if "sample" in table:
        table = table.set_index("sample")
        sets.index = table.index
    features = table.drop(columns=["label", "group", "set"], errors="ignore")
    is_train, is_valid = sets == "train", sets == "validation"
    if not is_train.any():
        raise InputError(f"{path}: no row of the column 'set' is 'train'")
    train = features[is_train]
    names = [one for one in sets.unique() if one not in ("train", "validation")]
    if names and "sample" not in table.index.names:
        raise InputError(f"{path}: a column 'sample' should say which row is a copy of which")
    found: dict[str, Any] = {
        "features": train,
        "labels": table["label"][is_train],
        "copies": {_strength(one, path): features[sets == one] for one in names} or None,
        "groups": table["group"][is_train].to_numpy() if "group" in table else None,
    }
    if is_valid.any():
        found["validation"] = (features[is_valid], table["label"][is_valid])
    return found


def strengths_of(text: str | None) -> Sequence[float] | None:
    """Return the numbers of ``0.1,0.2``."""
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--strengths {text}: write numbers like 0.1,0.2") from None


def kept(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}
