"""Training steps on a GPU: data resident, one captured CUDA graph for each size of mini-batch.

A step of these small networks is some forty kernels of a few microseconds: launched one by one
from Python they take ten times as long as they run. A captured graph launches them all at once.
Several trainings in one process, a thread and a stream each, keep one card busy.
"""

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from memlib.training.steps import Step

# Other threads may launch work, but not capture, while a graph is being captured.
_CAPTURE = threading.Lock()


class GraphStep(Step):
    """The step of any network on a device of its own; parameters as in `Step`.

    Dropout masks and noise come from a generator on the device, so they are others than on the
    CPU. On ``"cpu"`` the same code runs without graphs, for tests.
    """

    def __init__(self, network: nn.Sequential, *, device: str, **choices: Any) -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device)
        self.prepared: dict[int, tuple[Tensor, Tensor, Callable[[], None]]] = {}
        self.total = torch.zeros((), device=self.device)
        self.stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        # Convolutions in all of float32, as on the CPU, and with the same sums every time.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
        super().__init__(network.to(self.device), **choices)

    def start_epoch(self, seed: int, epoch: int | None = None) -> None:
        """Seed the dropout masks and noise of an epoch, and set its learning rate."""
        before = self.rate
        super().start_epoch(seed, epoch)
        if self.rate != before:
            self.prepared.clear()  # a captured graph goes on with the rate that it was captured at
        self.seed = seed % 2**63
        self.generator.manual_seed(self.seed)

    def drop(self, x: Tensor, rate: float) -> Tensor:
        """Set a random share `rate` of the activations to 0 and scale the others up."""
        kept = torch.rand(x.shape, generator=self.generator, device=self.device) >= rate
        return x * kept / (1 - rate)

    def add_noise(self, x: Tensor, sd: float) -> Tensor:
        """Add Gaussian noise of a standard deviation."""
        return x + sd * torch.randn(x.shape, generator=self.generator, device=self.device)

    def _run(self, inputs: Tensor, targets: Tensor, batch_size: int) -> float:
        if self.stream is not None:  # inputs and targets may still be under way elsewhere
            self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.stream):  # does nothing when there is none
            batches = list(zip(inputs.split(batch_size), targets.split(batch_size), strict=True))
            if {len(x) for x, _ in batches} - self.prepared.keys():
                for x, y in {len(x): (x, y) for x, y in batches}.values():
                    self._prepare(x, y)
                self.generator.manual_seed(self.seed)
            self.total.zero_()
            for x, y in batches:
                own_x, own_y, work = self.prepared[len(x)]
                own_x.copy_(x)
                own_y.copy_(y)
                work()
            return float(self.total) / len(inputs)

    def _prepare(self, x: Tensor, y: Tensor) -> None:
        """Make the work of one mini-batch of this size ready."""
        x, y = x.clone(), y.clone()

        def work() -> None:
            loss, gradients = self.gradients(x, y)
            self.apply(gradients)
            self.total.add_(loss.detach(), alpha=len(x))

        captured = work if self.stream is None else self._capture(work)
        self.prepared[len(x)] = x, y, captured

    def _capture(self, work: Callable[[], None]) -> Callable[[], None]:
        weights = (weight.data for weight in self.weights.values())
        state = [*weights, *self.network.buffers(), *self.memory.values()]
        kept = [value.clone() for value in state]
        for _ in range(3):  # lets libraries choose their kernels and allocate, outside the graph
            work()
        for value, before in zip(state, kept, strict=True):
            value.copy_(before)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        with _CAPTURE:
            torch.cuda.synchronize(self.device)
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                work()
        return graph.replay
