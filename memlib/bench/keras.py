"""Keras' ``fit`` for the benchmark, in a process of its own.

Tensorflow brings an LLVM of its own, and so does numba: in one process they can end it. The child
builds the model, says that it is ready, and from then on times one ``fit`` for every line it reads.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from memlib.base.errors import ResultError
from memlib.bench.timing import Timed
from memlib.training.layers import Architecture

MARK = "memlib-bench:"  # before what is meant for the parent; tensorflow may print, too


@contextmanager
def keras_fit(
    architecture: Architecture,
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    optimizer: str,
    learning_rate: float,
    batch_size: int,
) -> Iterator[Timed | str]:
    """Give a timed ``fit`` of one epoch on one thread, traced before, or why there is none.

    Parameters
    ----------
    architecture
        Hidden layers; two sigmoid outputs are added.
    inputs, targets
        float32 (sample, row, column) and (sample, output).
    optimizer, learning_rate, batch_size
        As in `Settings`.
    """
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "batches.npz", x=inputs, y=targets)
        job = {
            "layers": architecture.as_list(),
            "optimizer": optimizer,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
        }
        (Path(folder) / "job.json").write_text(json.dumps(job), encoding="utf-8")
        root = str(Path(__file__).parents[2])
        environment = {
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
        }
        with subprocess.Popen(
            [sys.executable, "-m", "memlib.bench.keras", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                yield _timed_fit(child.stdin, child.stdout)
            finally:
                child.stdin.close()  # the child's sign to end
                child.stdout.close()


def _timed_fit(asking: IO[str], answers: IO[str]) -> Timed | str:
    reason = _answer(answers)
    if reason != "ready":
        return reason

    def seconds(_repeat: int) -> float:
        asking.write("fit\n")
        asking.flush()
        return float(_answer(answers))

    return seconds


def _answer(lines: IO[str]) -> str:
    for line in lines:
        if line.startswith(MARK):
            return line.removeprefix(MARK).strip()
    raise ResultError("Keras stopped without an answer: is tensorflow in order?")


def _say(text: object) -> None:
    print(f"{MARK} {text}", flush=True)


def _build(keras: Any, job: dict[str, Any], image_shape: tuple[int, ...]) -> Any:
    """Return the compiled model of a declared network."""
    layers = keras.layers
    model = keras.Sequential([keras.Input(image_shape)])
    if any(one["layer"] == "Conv" for one in job["layers"]):
        model.add(layers.Reshape((*image_shape, 1)))
    flat = False
    for one in (*job["layers"], None):
        if one is None or one["layer"] == "Dense":
            if not flat:
                model.add(layers.Flatten())
            flat = True
            units, activation = (2, "sigmoid") if one is None else (one["units"], "relu")
            model.add(layers.Dense(units, activation=activation))
        elif one["layer"] == "Conv":
            model.add(layers.Conv2D(one["filters"], one["kernel"], activation="relu"))
        elif one["layer"] == "MaxPool":
            model.add(layers.MaxPooling2D(one["size"]))
        else:
            model.add(layers.Dropout(one["rate"]))
    rule = {"sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop}[job["optimizer"]]
    model.compile(optimizer=rule(job["learning_rate"]), loss="binary_crossentropy")
    return model


def main(folder: Path) -> None:
    """Build the model of `folder` and time a ``fit`` for each line of the standard input."""
    try:
        tensorflow: Any = importlib.import_module("tensorflow")
        keras: Any = importlib.import_module("keras")
    except ImportError:
        _say("not installed")
        return
    tensorflow.config.set_visible_devices([], "GPU")
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with np.load(folder / "batches.npz") as arrays:
        x, y = arrays["x"], arrays["y"]
    model = _build(keras, job, x.shape[1:])
    options = {"batch_size": job["batch_size"], "epochs": 1, "verbose": 0, "shuffle": False}
    model.fit(x, y, **options)
    _say("ready")
    for _ in sys.stdin:
        started = time.perf_counter()
        model.fit(x, y, **options)
        _say(time.perf_counter() - started)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
