"""The layer whose inputs are the features: found, or doubted in the answer."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from memlib.audit import audit
from memlib.base.errors import InputError

FEW = {"n_permutations": 19, "n_trees": 10, "progress": False, "n_jobs": 1, "baselines": False}
K = 3


def data(*shape, n=60):
    inputs = np.random.default_rng(0).normal(size=(n, *shape)).astype(np.float32)
    return inputs, np.arange(n) % K


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.weight = nn.Linear(12, 8), nn.Parameter(torch.randn(K, 8))

    def forward(self, x):
        return F.linear(self.body(x), self.weight)


class Bilinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.head = nn.Linear(12, 5), nn.Linear(12, 6), nn.Bilinear(5, 6, K)

    def forward(self, x):
        return self.head(self.one(x), self.two(x))


class TwoHeads(nn.Module):
    def __init__(self, n_domains):
        super().__init__()
        self.body, self.head = nn.Linear(12, 8), nn.Linear(8, K)
        self.domain_body, self.domain = nn.Linear(8, 4), nn.Linear(4, n_domains)

    def forward(self, x):
        h = self.body(x)
        return self.head(h), self.domain(F.relu(self.domain_body(h)))


class Squeezed(nn.Module):
    """A 1x1 convolution as the head, behind a squeeze-and-excitation block of linear layers."""

    def __init__(self):
        super().__init__()
        self.conv, self.squeeze = nn.Conv2d(1, 6, 3), nn.Linear(6, 6)
        self.head = nn.Conv2d(6, K, 1)

    def forward(self, x):
        x = self.conv(x[:, None])
        x = x * self.squeeze(x.mean((2, 3))).sigmoid()[..., None, None]
        return self.head(x.mean((2, 3), keepdim=True)).flatten(1)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.mix = nn.Embedding(11, 7), nn.Linear(7, 7)

    def forward(self, tokens):
        h = self.mix(self.embedding(tokens)).mean(1)
        return F.linear(h, self.embedding.weight)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(11, 7), nn.Linear(7, K)

    def forward(self, tokens):
        return self.head(self.embedding(tokens))


@pytest.mark.parametrize(
    ("network", "shape", "layer", "width", "said"),
    [
        (Functional(), (12,), "body", 12, "are 8, the classes 3"),
        (Bilinear(), (12,), "head", 5, "given 2 tensors"),
        (TwoHeads(2), (12,), "head", 8, "other outputs too (domain)"),
        (TwoHeads(K), (12,), "domain", 4, "several layers give 3 outputs (domain, head)"),
        (Squeezed(), (9, 9), "head", 6, None),
        (nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, K)), (12,), "2", 8, None),
        (nn.Sequential(nn.Linear(12, 8), nn.Linear(8, K), nn.Softmax(1)), (12,), "1", 8, None),
        (nn.Sequential(nn.Linear(12, 8), nn.Linear(8, 1000)), (12,), "1", 8, "are 1000, the cl"),
        (nn.DataParallel(nn.Sequential(nn.Linear(12, 8), nn.Linear(8, K))), (12,), "1", 8, None),
    ],
)
def test_the_layer_is_the_classes_or_the_answer_warns(network, shape, layer, width, said):
    answer = audit(network, data(*shape), strengths=[0.5], **FEW)
    one = answer.dataset.isel(network=0)
    assert one["layer"] == f"layer {layer!r}"
    assert one["n_features"] == width
    assert str(answer).startswith(f"layer {layer!r}, {width} features.")
    doubts = [w for w in answer.warnings if "layer" in w]
    assert (said in doubts[0] and len(doubts) == 1) if said else not doubts


@pytest.mark.parametrize(
    ("network", "said"), [(Tied(), "are 35, the classes 3"), (Tokens(), "5 tokens of 7 values")]
)
def test_layers_of_sequences_are_doubted(network, said):
    tokens = np.random.default_rng(0).integers(0, 11, (60, 5))
    answer = audit(network, (tokens, np.arange(60) % K), strengths=[0.5], **FEW)
    assert any(said in warning for warning in answer.warnings)


def test_a_name_a_module_or_a_function_says_what_is_meant():
    torch.manual_seed(0)
    network, given = Functional(), data(12)

    def hidden(network, batch):
        return network.body(batch)

    found = [
        audit(network, given, strengths=[0.5], **FEW, **meant)
        for meant in ({"layer": "body"}, {"layer": network.body}, {"features": hidden})
    ]
    assert [int(one.dataset["n_features"][0]) for one in found] == [12, 12, 8]
    assert not any("layer" in warning for one in found for warning in one.warnings)
    assert str(found[2]).startswith("function hidden, 8 features.")
    with pytest.raises(InputError, match="no part of this network"):
        audit(network, given, layer=nn.Linear(2, 2), **FEW)
    with pytest.raises(InputError, match="layer = 'head': the network has body"):
        audit(network, given, layer="head", **FEW)


def test_batch_normalization_without_running_statistics_is_doubted_and_takes_any_number():
    network = nn.Sequential(
        nn.Linear(12, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, K)
    )
    answer = audit(network, data(12, n=61), strengths=[0.5], batch_size=20, **FEW)
    assert any("depend on the others in its batch" in warning for warning in answer.warnings)


def test_a_script_is_refused_in_one_line_unless_a_function_reads_it():
    network = torch.jit.trace(nn.Linear(12, K), torch.zeros(2, 12))
    with pytest.raises(InputError, match="ScriptModule"):
        audit(network, data(12), **FEW)

    def outputs(network, batch):
        return network(batch)

    answer = audit(network, data(12), features=outputs, strengths=[0.5], **FEW)
    assert answer.dataset["n_features"].item() == K


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_networks_of_other_precisions_are_read(dtype):
    network = nn.Sequential(nn.Linear(12, 8), nn.Linear(8, K)).to(dtype)
    answer = audit(network, data(12), strengths=[0.5], **FEW)
    assert answer.dataset["n_features"].item() == 8


def test_whatever_a_network_raises_is_one_line():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("no such thing\nand more")

    with pytest.raises(InputError) as caught:
        audit(Broken(), data(12), **FEW)
    assert "\n" not in str(caught.value)
    assert "inputs float32 (8, 12)" in str(caught.value)
