"""Where networks are trained: on the CPU, or on a GPU where there is one."""

import time
from pathlib import Path

from memlib.base.errors import InputError

DEVICES = ("auto", "cpu", "cuda")


def choose_device(asked: str = "auto") -> str:
    """Return ``"cpu"`` or ``"cuda"``.

    Parameters
    ----------
    asked
        ``"auto"`` takes a CUDA device where there is one.

    Raises
    ------
    InputError
        For another name, or when CUDA is asked for and there is no such device.
    """
    if asked not in DEVICES:
        raise InputError(f"device = {asked!r}: take one of {', '.join(DEVICES)}")
    if asked == "cpu" or (asked == "auto" and not _has_nvidia_driver()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise InputError("device = 'cuda': torch finds no CUDA device here; take cpu or auto")
    return "cpu"


def device_name(device: str) -> str:
    """Return a device as results name it: with its model where it is a GPU."""
    if device == "cpu":
        return "CPU, one process a core"
    import torch

    return f"GPU {torch.cuda.get_device_name()}"


def busy_seconds(device: str = "cpu") -> float:
    """Return a clock that runs while this thread computes, in seconds; only differences count.

    So that a piece costs the same on a crowded machine. A GPU's work does not show in a thread's
    time: there it is the time that passes.
    """
    return time.thread_time() if device == "cpu" else time.monotonic()


def _has_nvidia_driver() -> bool:
    """Whether looking for CUDA is worth the import of torch."""
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg"))
