"""The choices of one run, each declared once: range, default and meaning in one place.

The notebooks' comments, the check of the command line, the tables of the pages and the parameters
in a dataset are all read from these declarations.
"""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    field_validator,
    model_validator,
)

from memlib.base.errors import InputError
from memlib.training.images import BUNDLED_NAME

LEARNING_RATES: Mapping[str, float] = MappingProxyType({"sgd": 0.01, "rmsprop": 0.001})
Names = Annotated[tuple[str, ...], Strict(False), Field(min_length=1)]


class Settings(BaseModel):
    """What any paper's run may choose; a study adds fields of its own.

    Examples
    --------
    >>> Settings.model_fields["seed"].description
    'base seed of the first run'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    figure: str
    scale: str
    seed: int = Field(0, ge=0, lt=2**32, description="base seed of the first run")
    n_seeds: int = Field(1, ge=1, le=1000, description="runs: seeds seed, seed + 1, ...")
    panels: Names = Field(description="networks of the figure, like a,d")
    data: str = Field(
        BUNDLED_NAME, description="bundled name, or path of a file of labelled images"
    )
    n_images: int = Field(ge=2, le=10**7, description="training images, all classes together")
    n_validation_images: int = Field(ge=2, le=10**7, description="independent validation images")
    epochs: int = Field(ge=1, le=10**8, description="training epochs")
    n_measured_epochs: int = Field(ge=1, le=10_000, description="epochs measured, log-spaced")
    optimizer: Literal["sgd", "rmsprop"] = Field("sgd", description="sgd, or rmsprop as in Keras")
    learning_rate: float = Field(gt=0, le=1000, description="step size of the optimizer")
    batch_size: int = Field(128, ge=1, le=10**6, description="images in a mini-batch")
    loss: Literal["binary", "categorical"] = Field("binary", description="cross-entropy")
    initial_weights: Literal["glorot", "he", "torch"] = Field(
        "glorot", description="limit of the uniform first weights"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of the products in training"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where to train")

    @model_validator(mode="before")
    @classmethod
    def _usual_rate(cls, values: Any) -> Any:
        """The usual step size follows from the optimizer."""
        if isinstance(values, dict) and "learning_rate" not in values:
            optimizer = values.get("optimizer", cls.model_fields["optimizer"].default)
            values = values | {"learning_rate": LEARNING_RATES.get(str(optimizer), 0.01)}
        return values

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        for name, values in self:
            if isinstance(values, tuple) and len(set(values)) < len(values):
                raise InputError(f"{name} = {list(values)}: give each value once")
        return self

    @field_validator("data")
    @classmethod
    def _possible_path(cls, name: str) -> str:
        try:
            os.stat(name)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:  # too long, or of characters that no path has
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"data = {name!r}: no name of a file ({reason})") from None
        return name

    @property
    def seeds(self) -> tuple[int, ...]:
        """The base seeds of the runs."""
        return tuple(range(self.seed, self.seed + self.n_seeds))

    @classmethod
    def changeable(cls) -> tuple[str, ...]:
        """Return the names of what a user may change."""
        return tuple(name for name in cls.model_fields if name not in ("figure", "scale"))

    @classmethod
    def validated(cls, values: Mapping[str, Any]) -> Self:
        """Return settings of these values.

        Raises
        ------
        InputError
            For a wrong type or a value out of its range; one line names the field.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise InputError(cls._one_line(error)) from None

    @classmethod
    def _one_line(cls, error: ValidationError) -> str:
        """Say in one line which field is wrong, with which value, and what is allowed."""
        first = error.errors()[0]
        if first["type"] == "value_error":
            return str(first["ctx"]["error"])
        name, *item = first["loc"]
        place = f"{name}[{item[0]}]" if item and isinstance(item[0], int) else str(name)
        if first["type"] == "too_short":
            return f"{place} = []: it should hold at least one value"
        message = first["msg"].removeprefix("Input should be ")
        allowed = get_args(cls.model_fields[str(name)].annotation)
        if first["type"] == "literal_error" and allowed and isinstance(allowed[0], str):
            message = f"one of {', '.join(map(str, allowed))}"
        return f"{place} = {first['input']!r}: it should be {message}"


def epoch_grid(last: int, n_epochs: int) -> tuple[int, ...]:
    """Return about `n_epochs` whole epochs from 1 to `last`, evenly spaced on a log scale."""
    grid = np.unique(np.round(np.geomspace(1, last, max(n_epochs, 1))).astype(int))
    return tuple(int(epoch) for epoch in grid) if n_epochs > 1 else (last,)
