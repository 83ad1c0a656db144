"""Readers: what gives features for a batch, be it a network's layer, a function or an estimator."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from memlib.audit.samples import ONE, Parts
from memlib.base.arrays import as_array
from memlib.base.errors import InputError
from memlib.base.modules import as_found, unwrapped
from memlib.base.seeds import stream, stream_integer

N_PROJECTED = 256
WIDEST = 1024  # raw inputs wider than this are projected
NORMS = (nn.modules.batchnorm._BatchNorm,)


@dataclass(eq=False)
class Reader:
    """Something that gives features.

    Attributes
    ----------
    read
        Inputs of some samples to features, float32 (sample, feature).
    layer
        What the features are, in words: the name of a layer, of a function.
    doubts
        What makes them doubtful.
    untrained
        Makes the same with random weights, where that is known how; else None.
    ready
        A context within which it is read: evaluation, nothing left changed.
    """

    read: Callable[[Parts], np.ndarray]
    layer: str
    doubts: list[str] = field(default_factory=list)
    untrained: "Callable[[int], Reader] | None" = None
    ready: Callable[[], AbstractContextManager[None]] = nullcontext


def as_reader(
    network: Any,
    first: Parts,
    n_classes: int,
    *,
    layer: str | nn.Module | None = None,
    features: Callable | None = None,
    batch_size: int = 100,
    device: str | torch.device | None = None,
    seed: int = 0,
) -> Reader:
    """Return a reader of a torch module, a scikit-learn estimator, or a function.

    Parameters
    ----------
    first
        Inputs of a few samples, to try it on.
    layer
        Name or module whose inputs are the features; found where it is None.
    features
        ``features(network, batch)`` in place of a layer.

    Raises
    ------
    InputError
        When it is nothing of that kind, or does not take the inputs.
    """
    if isinstance(network, nn.Module):
        return _network_reader(network, first, n_classes, layer, features, batch_size, device, seed)
    if layer is not None or features is not None:
        raise InputError(
            f"layer and features are of torch modules, not of {type(network).__name__}"
        )
    if hasattr(network, "fit") and hasattr(network, "predict"):
        return _estimator_reader(network, first)
    if callable(network):
        name = str(getattr(network, "__name__", type(network).__name__))

        def read(parts: Parts) -> np.ndarray:
            return _as_features(network(_plain(parts)), len(next(iter(parts.values()))), name)

        reader = Reader(read, f"function {name}")
        one, two = reader.read(first), reader.read(first)
        if not np.allclose(one, two, rtol=1e-4, atol=1e-6):
            reader.doubts.append(f"function {name} gives other features each time it is called")
        return reader
    raise InputError(
        f"the network is a {type(network).__name__}: give a torch module, a fitted scikit-learn "
        "estimator, or a function of inputs that gives features"
    )


def raw_reader(part: str, first: Parts, seed: int) -> Reader:
    """Return the inputs themselves as features, projected at random where they are very wide."""
    width = first[part][0].size
    if width <= WIDEST:
        return Reader(lambda parts: _flat(parts[part]), f"the inputs, {width} values")
    rng = stream(seed, "projection of raw inputs")
    weights = rng.standard_normal((width, N_PROJECTED), dtype=np.float32) / np.sqrt(width)
    layer = f"the inputs, {width:,} values projected at random on {N_PROJECTED}"
    return Reader(lambda parts: _flat(parts[part]) @ weights, layer)


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).astype(np.float32)


def _plain(parts: Mapping[str, Any]) -> Any:
    return parts[ONE] if list(parts) == [ONE] else parts


def _as_features(values: Any, n: int, name: str) -> np.ndarray:
    array = as_array(values, f"features of {name}")
    if array.ndim < 2 or len(array) != n or array.dtype.kind not in "biuf":
        raise InputError(
            f"{name} gave {array.dtype} {array.shape} for {n} samples: features are numbers, "
            "(sample, feature)"
        )
    return _flat(array)


def _estimator_reader(estimator: Any, first: Parts) -> Reader:
    """Read an estimator: an MLP's last hidden layer, or what a pipeline's last step gets."""
    name = type(estimator).__name__
    before, last = (
        (estimator[:-1], estimator[-1]) if hasattr(estimator, "steps") else (None, estimator)
    )
    if hasattr(last, "hidden_layer_sizes"):
        if not hasattr(last, "coefs_"):
            raise InputError(f"{name} is not fitted: fit it first")
        layer = f"last hidden layer of {type(last).__name__}"
    elif before is not None and len(before):
        layer = f"what enters {type(last).__name__}"
    else:
        raise InputError(
            f"{name} has no features of its own: give an MLPClassifier, a pipeline, or a function "
            "that gives features"
        )

    def reader(weights: list[np.ndarray] | None, biases: list[np.ndarray]) -> Reader:
        def read(parts: Parts) -> np.ndarray:
            values = _plain(parts)
            values = values.reshape(len(values), -1)
            try:
                values = before.transform(values) if before is not None and len(before) else values
                for weight, bias in zip(weights or [], biases, strict=False):
                    values = ACTIVATIONS[last.activation](as_array(values, name) @ weight + bias)
            except ValueError as error:
                raise InputError(f"{name} does not take these inputs: {_line(error)}") from error
            return _as_features(values, len(next(iter(parts.values()))), name)

        return Reader(read, layer)

    if not hasattr(last, "coefs_"):
        return reader(None, [])
    made = reader(last.coefs_[:-1], last.intercepts_[:-1])

    def untrained(seed: int) -> Reader:
        rng = stream(seed, "untrained estimator")
        random = [  # Glorot's range, which scikit-learn begins with
            rng.uniform(-1, 1, one.shape) * np.sqrt(6 / sum(one.shape)) for one in last.coefs_[:-1]
        ]
        return reader(random, [np.zeros_like(one) for one in last.intercepts_[:-1]])

    made.untrained = untrained
    made.read(first)
    return made


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
}


def _network_reader(
    network: nn.Module,
    first: Parts,
    n_classes: int,
    layer: str | nn.Module | None,
    features: Callable | None,
    batch_size: int,
    device: str | torch.device | None,
    seed: int,
) -> Reader:
    script = isinstance(network, torch.jit.ScriptModule)
    network = network if script and features is not None else unwrapped(network)
    doubts: list[str] = []
    if features is not None:
        if layer is not None:
            raise InputError("layer and features are both given: one of them says what is read")
        name, used = f"function {getattr(features, '__name__', 'features')}", None
    else:
        used = _layer_name(network, layer)
        if used is None:
            used, found = _find_layer(network, _tensors(network, first, device), n_classes)
            doubts += found
        name = used

    def reader(network: nn.Module) -> Reader:
        def read(parts: Parts) -> np.ndarray:
            n = len(next(iter(parts.values())))
            batches = []
            for start, stop in _bounds(n, batch_size):
                some = {key: value[start:stop] for key, value in parts.items()}
                tensors = _tensors(network, some, device)
                if features is not None:
                    with _one_line(network, some):
                        given = features(network, _plain(tensors))
                    batches.append(_as_features(given, stop - start, name))
                else:
                    batches.append(_layer_inputs(network, tensors, used or "", stop - start))
            return np.concatenate(batches)

        return Reader(
            read, name if used is None else f"layer {used!r}", ready=lambda: as_found(network)
        )

    made = reader(network)
    with made.ready():
        doubts += _doubts_of_passes(made, first, seed)
    if used is not None:
        doubts += _doubts_of_rows(network, _tensors(network, first, device), used)
    made.doubts = doubts
    if not script:
        made.untrained = lambda seed: reader(untrained_twin(network, seed))
    return made


def _bounds(n: int, batch_size: int) -> Iterator[tuple[int, int]]:
    """Yield where batches begin and end; none holds a single sample where that can be."""
    starts = list(range(0, n, batch_size))
    if len(starts) > 1 and n - starts[-1] == 1:  # batch normalization takes two or more
        starts.pop()
    yield from zip(starts, [*starts[1:], n], strict=True)


def _tensors(network: nn.Module, parts: Parts, device: Any) -> dict[str, torch.Tensor]:
    weight = next((p for p in network.parameters() if p.is_floating_point()), torch.empty(0))
    tensors = {}
    for key, part in parts.items():
        native = np.ascontiguousarray(part.astype(part.dtype.newbyteorder("="), copy=True))
        tensor = torch.from_numpy(native)
        dtype = weight.dtype if tensor.is_floating_point() else None
        tensors[key] = tensor.to(device or weight.device, dtype)
    return tensors


def _forward(network: nn.Module, tensors: dict[str, torch.Tensor]) -> Any:
    with _one_line(network, tensors):
        if list(tensors) == [ONE]:
            return network(tensors[ONE])
        try:
            inspect.signature(network.forward).bind(**tensors)
        except TypeError:
            return network(tensors)
        return network(**tensors)


@contextmanager
def _one_line(network: nn.Module, given: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a network is anybody's code
        shapes = ", ".join(
            f"{key} {str(one.dtype).removeprefix('torch.')} {tuple(one.shape)}"
            for key, one in given.items()
        )
        kind = type(network).__name__
        raise InputError(f"the network {kind} does not take {shapes}: {_line(error)}") from error


def _line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _layer_name(network: nn.Module, layer: str | nn.Module | None) -> str | None:
    named = dict(network.named_modules())
    if layer is None:
        return None
    if isinstance(layer, nn.Module):
        found = [name for name, module in named.items() if module is layer]
        if not found:
            raise InputError(f"layer = {type(layer).__name__}(...): it is no part of this network")
        return found[0]
    if layer not in named:
        raise InputError(f"layer = {layer!r}: the network has {', '.join(filter(None, named))}")
    return layer


@contextmanager
def _tapped(modules: Mapping[str, nn.Module]) -> Iterator[list[tuple[str, torch.Tensor, Any, int]]]:
    """Keep what enters and leaves modules, in the order in which they run."""
    ran: list[tuple[str, torch.Tensor, Any, int]] = []
    names = {module: name for name, module in modules.items()}

    def keep(module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any) -> None:
        given, n_given = waiting.pop(module)
        ran.append((names[module], given, _tensors_of(output), n_given))

    waiting: dict[nn.Module, tuple[torch.Tensor, int]] = {}

    def enter(module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        given = [one for one in (*args, *kwargs.values()) if isinstance(one, torch.Tensor)]
        if not given:
            raise InputError(f"layer = {names[module]!r} is given no tensor")
        waiting[module] = given[0].clone(), len(given)  # what follows may work in place

    handles = []
    try:
        for module in names:
            handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
            handles.append(module.register_forward_hook(keep, with_kwargs=True))
        yield ran
    finally:
        for handle in handles:
            handle.remove()


def _tensors_of(output: Any) -> list[torch.Tensor]:
    """Return the tensors in whatever a module gives."""
    if isinstance(output, torch.Tensor):
        return [output.detach().clone()]
    values = output.values() if isinstance(output, Mapping) else output
    if hasattr(output, "__dataclass_fields__"):
        values = [getattr(output, name) for name in output.__dataclass_fields__]
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        return []
    return [tensor for one in values for tensor in _tensors_of(one)]


def _layer_inputs(
    network: nn.Module, tensors: dict[str, torch.Tensor], layer: str, n: int
) -> np.ndarray:
    """Return what enters a layer the last time that it runs, float32 (sample, feature)."""
    with _tapped({layer: dict(network.named_modules())[layer]}) as ran:
        _forward(network, tensors)
    if not ran:
        raise InputError(f"layer = {layer!r} never ran on the inputs")
    given = ran[-1][1]
    if len(given) != n:
        raise InputError(f"layer = {layer!r} was given {len(given)} rows for {n} samples")
    return given.flatten(1).float().cpu().numpy()


def _find_layer(
    network: nn.Module, tensors: dict[str, torch.Tensor], n_classes: int
) -> tuple[str, list[str]]:
    """Return the layer whose outputs are the classes, or the last linear one with a doubt."""
    leaves = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) or _has_weights(module)
    }
    with as_found(network):
        torch.manual_seed(0)  # given back by as_found
        with _tapped(leaves) as ran:
            outputs = _tensors_of(_forward(network, tensors))
    n = len(next(iter(tensors.values())))
    heads = [
        (name, given, made[0])
        for name, given, made, _ in ran
        if made and any(_same_answer(made[0], output, n) for output in outputs)
    ]
    fitting = [one for one in heads if _width(one[2], n) in _widths(n_classes)]
    linear = [one for one in ran if isinstance(leaves[one[0]], nn.Linear)]
    if len({name for name, _, _ in fitting}) == 1:
        name = fitting[-1][0]
        others = {one[0] for one in heads} - {name}
        if others:
            return name, [
                f"the network has other outputs too ({', '.join(sorted(others))}): layer {name!r} "
                f"was taken, whose outputs are as many as the classes, {n_classes}"
            ]
        return name, []
    if fitting:
        name = fitting[-1][0]
        return name, [
            f"doubtful layer: several layers give {n_classes} outputs "
            f"({', '.join(sorted({one[0] for one in fitting}))}), {name!r} was taken: name one"
        ]
    if not linear:
        raise InputError(
            f"no layer's outputs are the {n_classes} classes: name the layer whose inputs are the "
            "features with layer=, or give features=function(network, batch)"
        )
    name, _, made, _ = linear[-1]
    width = _width(made[0], n)
    told = (
        "are not the network's outputs"
        if width in _widths(n_classes)
        else (f"are {width}, the classes {n_classes}")
    )
    return name, [
        f"doubtful layer: outputs of {name!r}, the last linear layer to run, {told}: name the "
        "layer whose inputs are the features with layer=, or give features=function(network, batch)"
    ]


def _has_weights(module: nn.Module) -> bool:
    """Say whether a module is a layer with weights, those of quantized networks included."""
    own = any(True for _ in module.parameters(recurse=False)) or hasattr(module, "weight")
    return own and not list(module.children())


def _widths(n_classes: int) -> tuple[int, ...]:
    return (1, 2) if n_classes == 2 else (n_classes,)


def _width(output: torch.Tensor, n: int) -> int:
    return output.numel() // n if n and output.numel() % n == 0 else 0


def _same_answer(made: torch.Tensor, output: torch.Tensor, n: int) -> bool:
    """Say whether a layer's output is the network's, up to a softmax or the like."""
    if made.numel() != output.numel() or made.numel() % n or not made.is_floating_point():
        return False
    own, whole = made.reshape(n, -1).float(), output.reshape(n, -1).float()
    if own.shape[1] == 1:  # one output: the order of samples is kept, in whichever direction
        own, whole = own.T, whole.T
    if torch.allclose(own, whole, rtol=1e-3, atol=1e-5):
        return True
    return bool((own.argsort(1) == whole.argsort(1)).all()) and own.shape[1] > 1


def _doubts_of_rows(network: nn.Module, tensors: dict[str, torch.Tensor], layer: str) -> list[str]:
    with as_found(network), _tapped({layer: dict(network.named_modules())[layer]}) as ran:
        _forward(network, tensors)
    _, given, _, n_given = ran[-1] if ran else (layer, torch.empty(0, 0), None, 1)
    if n_given > 1:
        return [
            f"doubtful layer: {layer!r} is given {n_given} tensors, of which the first is taken: "
            "say what the features are with features=function"
        ]
    if given.ndim == 3:
        return [
            f"doubtful layer: {layer!r} is given {given.shape[1]} tokens of {given.shape[2]} "
            "values a sample, all of which are the features: pool them with features=function"
        ]
    return []


def _doubts_of_passes(reader: Reader, first: Parts, seed: int) -> list[str]:
    """Read some samples twice, and half of them alone: what should not change the features."""
    n = len(next(iter(first.values())))
    torch.manual_seed(stream_integer(seed, "forward pass", 0) % 2**63)
    one, two = reader.read(first), reader.read(first)
    scale = float(np.abs(one).max()) or 1.0
    if np.abs(one - two).max() > 1e-4 * scale:
        return [
            "the forward pass is random, even in evaluation (dropout left on?): features differ "
            "from pass to pass, which hides memorization"
        ]
    if n >= 4:
        half = reader.read({key: part[: n // 2] for key, part in first.items()})
        if np.abs(half - one[: n // 2]).max() > 1e-2 * scale:
            return [
                "features of a sample depend on the others in its batch (batch normalization "
                "without running statistics?)"
            ]
    return []


def untrained_twin(network: nn.Module, seed: int) -> nn.Module:
    """Return a copy with random weights: as each layer begins, else numbers of the same spread.

    Raises
    ------
    InputError
        When the network cannot be copied.
    """
    try:
        twin = copy.deepcopy(network)
    except Exception as error:
        raise InputError(f"the network cannot be copied: {_line(error)}") from error
    torch.manual_seed(stream_integer(seed, "untrained network") % 2**63)
    with torch.no_grad():
        for module in twin.modules():
            reset: Any = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
                continue
            for value in module.parameters(recurse=False):
                if value.is_floating_point() and value.numel() > 1:
                    value.normal_(float(value.mean()), float(value.std()))
    return twin


def read_checkpoints(folder: str | Path, network: nn.Module) -> dict[str, nn.Module]:
    """Return a network with the weights of each checkpoint in a folder, by file name.

    Parameters
    ----------
    folder
        Holds ``.pt``, ``.pth`` or ``.ckpt`` files: state dicts, or mappings with one under
        ``state_dict`` or ``model``, as Lightning and most loops write them. Only weights are read.
    network
        The architecture; it is not changed.
    """
    folder = Path(folder)
    paths = (
        [p for p in folder.iterdir() if p.suffix in (".pt", ".pth", ".ckpt")]
        if (folder.is_dir())
        else []
    )
    if not paths:
        raise InputError(f"{folder} holds no checkpoints: files that end in .pt, .pth or .ckpt")
    found = {}
    for path in sorted(paths, key=_natural):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise InputError(f"{path.name} is no checkpoint of weights: {_line(error)}") from error
        for key in ("state_dict", "model_state_dict", "model"):
            state = state[key] if isinstance(state, Mapping) and key in state else state
        twin = copy.deepcopy(unwrapped(network))
        if not isinstance(state, Mapping):
            raise InputError(
                f"{path.name} holds a {type(state).__name__}, not a mapping of weights"
            )
        own = twin.state_dict()
        for prefix in ("", "module.", "model.", "network.", "net.", "_orig_mod."):
            some = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            if own.keys() <= some.keys():
                break
        else:
            missing = next(iter(own.keys() - state.keys()))
            raise InputError(f"{path.name} has no weights {missing!r} of this network")
        try:
            twin.load_state_dict({key: some[key] for key in own})
        except RuntimeError as error:
            line = str(error).strip().splitlines()[-1].strip()
            raise InputError(f"{path.name} is of another architecture: {line}") from error
        found[path.stem] = twin
    return found


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort epoch-2 before epoch-10."""
    import re

    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", path.stem)]
