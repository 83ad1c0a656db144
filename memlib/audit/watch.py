"""Ask while a network trains: in a plain loop, or as a callback of Lightning."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import xarray as xr

from memlib.audit.answer import Audit
from memlib.audit.ask import audit
from memlib.base.errors import InputError


class Watch:
    """Asks about a network after chosen epochs, on the same copies each time.

    In a plain loop call it: ``watch(network, epoch)``. For Lightning give it to
    ``Trainer(callbacks=[watch])``; nothing of Lightning needs to be installed here.

    Parameters
    ----------
    data
        See `memlib.audit.audit`.
    epochs
        After which to ask, counted from 1; all when None.
    strengths
        Of the copies: the same at all epochs, so they are named, not found.
    options
        Of `memlib.audit.audit`: ``validation``, ``perturbation``, ``n_permutations`` and so on.
        Baselines are not asked about.

    Attributes
    ----------
    answers
        `Audit` by epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> inputs, labels = np.random.default_rng(0).normal(size=(60, 8)), np.arange(60) % 2
    >>> watch = Watch((inputs, labels), strengths=[0.5], n_trees=10, progress=False)
    >>> network = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> for epoch in (1, 2):  # and train in between
    ...     answer = watch(network, epoch)
    >>> watch.dataset.sizes["epoch"]
    2
    """

    def __init__(
        self,
        data: Any,
        *,
        epochs: Iterable[int] | None = None,
        strengths: Iterable[float] = (0.05, 0.2, 0.5),
        **options: Any,
    ) -> None:
        self.data = data
        self.epochs = None if epochs is None else {int(epoch) for epoch in epochs}
        self.strengths = list(strengths)
        self.options = {"baselines": False} | options
        self.answers: dict[int, Audit] = {}

    def __call__(self, network: Any, epoch: int) -> Audit | None:
        """Ask after this epoch, if it is one of those chosen; the network goes on as it was."""
        if self.epochs is not None and epoch not in self.epochs:
            return None
        self.answers[epoch] = audit(network, self.data, strengths=self.strengths, **self.options)
        return self.answers[epoch]

    @property
    def dataset(self) -> xr.Dataset:
        """All answers along the dim epoch."""
        if not self.answers:
            raise InputError("no epoch was asked about yet")
        joined = xr.concat(
            [one.dataset for one in self.answers.values()],
            "epoch",
            join="exact",
            data_vars="all",
            coords="minimal",
            compat="override",
        )
        warnings = {str(epoch): one.warnings for epoch, one in self.answers.items()}
        joined.attrs["warnings"] = json.dumps(
            [f"epoch {epoch}: {one}" for epoch, said in warnings.items() for one in said]
        )
        return joined.assign_coords(epoch=list(self.answers))

    # Lightning calls hooks by name, and keeps the state of each callback under its key.

    @property
    def state_key(self) -> str:
        """Name under which Lightning would keep this callback's state."""
        return type(self).__qualname__

    def state_dict(self) -> dict[str, Any]:
        """Return nothing to keep in checkpoints."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take nothing from checkpoints."""

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Ask after the epoch that Lightning has just trained."""
        if getattr(trainer, "sanity_checking", False) or not getattr(
            trainer, "is_global_zero", True
        ):
            return
        self(module, int(trainer.current_epoch) + 1)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name in ("setup", "teardown") or name.startswith("on_"):
            return lambda *args, **kwargs: None
        raise AttributeError(f"Watch has no attribute {name!r}")
