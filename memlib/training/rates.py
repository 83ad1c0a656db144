"""Learning rates that change from epoch to epoch, declared as plain data; no torch here."""

from dataclasses import dataclass

from memlib.base.errors import InputError
from memlib.training.checks import check_positive, check_whole


@dataclass(frozen=True)
class StepDecay:
    """A learning rate that is multiplied by `factor` after certain epochs.

    A function of the epoch's number alone, so that a run that goes on at any epoch has the rate
    of one that never stopped. ``StepDecay(0.01, 0.5, every=15)`` is 0.01 in epochs 1 to 15 and
    0.005 in epochs 16 to 30.

    Parameters
    ----------
    start
        Rate of the first epoch, above 0.
    factor
        What the rate is multiplied by each time, above 0.
    every
        Multiply after every so many epochs, 1 or more.
    at
        Or multiply after each of these epochs, each 1 or more, increasing.

    Raises
    ------
    InputError
        For a value out of its range, or unless one of `every` and `at` is given.
    """

    start: float
    factor: float
    every: int | None = None
    at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_positive("start", self.start)
        check_positive("factor", self.factor)
        object.__setattr__(self, "at", tuple(self.at))  # lists come from stored settings
        if (self.every is None) == (not self.at):
            raise InputError(f"every = {self.every!r}, at = {self.at!r}: give one of the two")
        if self.every is not None:
            check_whole("every", self.every, 1)
        for epoch in self.at:
            check_whole("at", epoch, 1)
        if list(self.at) != sorted(set(self.at)):
            raise InputError(f"at = {self.at!r}: take increasing epochs")

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch; the first one is 1."""
        if self.every is None:
            n_steps = sum(epoch > last for last in self.at)
        else:
            n_steps = (epoch - 1) // self.every
        return self.start * self.factor**n_steps


LearningRate = float | StepDecay


def check_learning_rate(learning_rate: object) -> None:
    """Raise `InputError` unless a learning rate is a number above 0 or a `StepDecay`."""
    if not isinstance(learning_rate, StepDecay):
        check_positive("learning_rate", learning_rate)


def rate_of(learning_rate: LearningRate, epoch: int | None) -> float:
    """Return the learning rate of an epoch, which a constant rate need not know."""
    if not isinstance(learning_rate, StepDecay):
        return learning_rate
    check_whole("epoch", epoch, 1)
    assert epoch is not None
    return learning_rate.rate(epoch)
