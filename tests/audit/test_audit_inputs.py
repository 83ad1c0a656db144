"""What is taken as inputs and labels, and what is refused in one line."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from memlib import Data, compute_null
from memlib.audit import audit, audit_features
from memlib.base.errors import InputError

FEW = {"n_permutations": 19, "n_trees": 10, "progress": False, "n_jobs": 1}
ONE = FEW | {"baselines": False, "strengths": [0.4]}
RNG = np.random.default_rng(0)
INPUTS, LABELS = RNG.normal(size=(60, 12)).astype(np.float32), np.arange(60) % 2
torch.manual_seed(0)
NETWORK = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 2))


def null_of(*given, network=NETWORK, **options):
    return audit(network, *given, **ONE | options).dataset["null_accuracy"].values


class Items(Dataset):
    def __len__(self):
        return 60

    def __getitem__(self, i):
        return {"inputs": INPUTS[i], "label": LABELS[i]}


class Augmented(Items):
    def __getitem__(self, i):
        return INPUTS[i] + RNG.normal(), LABELS[i]


TENSORS = TensorDataset(torch.from_numpy(INPUTS), torch.from_numpy(LABELS))
FRAME = pd.DataFrame(INPUTS, columns=[f"x{i}" for i in range(12)])


@pytest.mark.parametrize(
    "data",
    [
        (torch.from_numpy(INPUTS).requires_grad_(), torch.from_numpy(LABELS)),
        (INPUTS.tolist(), LABELS[:, None]),
        (INPUTS.astype(">f4"), LABELS.tolist()),
        (FRAME, pd.Series(LABELS)),
        (FRAME, pd.Series(LABELS)[::-1]),
        ({"inputs": torch.from_numpy(INPUTS)}, LABELS),
        TENSORS,
        Items(),
        DataLoader(TENSORS, batch_size=7, shuffle=True),
        DataLoader(Items(), batch_size=7, shuffle=True),
        [(x, y) for x, y in zip(INPUTS, LABELS, strict=True)],
        Data(INPUTS, LABELS),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_form_of_the_same_samples_gives_the_same_null(data):
    # Shuffles hang on the order of samples: a loader's own shuffling would show.
    np.testing.assert_array_equal(null_of(data), null_of((INPUTS, LABELS)))


def test_mappings_go_to_arguments_by_name():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = nn.Embedding(30, 8), nn.Linear(8, 2)

        def forward(self, input_ids, attention_mask=None):
            h = self.embedding(input_ids) * attention_mask[..., None]
            return {"logits": self.head(h.sum(1) / attention_mask.sum(1, keepdim=True))}

    tokens = RNG.integers(0, 30, (60, 9))
    mask = np.ones((60, 9), int)
    mask[:, 6:] = 0
    answer = audit(Named(), ({"input_ids": tokens, "attention_mask": mask}, LABELS), **FEW)
    assert answer.dataset["perturbation"].attrs["long_name"] == "share of tokens swapped"
    assert answer.dataset["n_features"].values.tolist() == [8, 8, 9]
    assert not any("layer" in warning for warning in answer.warnings)


def test_an_mlps_hidden_layer_is_read_by_itself_and_as_the_end_of_a_pipeline():
    network = MLPClassifier((6, 5), activation="tanh", max_iter=30, random_state=0)
    network.fit(INPUTS, LABELS)
    answer = audit(network, (INPUTS, LABELS), **FEW)
    assert str(answer).startswith("last hidden layer of MLPClassifier, 5 features.")
    assert "untrained" in answer.dataset["network"]
    hidden = np.tanh(
        np.tanh(INPUTS @ network.coefs_[0] + network.intercepts_[0]) @ network.coefs_[1]
        + network.intercepts_[1]
    )
    from memlib.audit.readers import as_reader

    read = as_reader(network, {"inputs": INPUTS}, 2).read({"inputs": INPUTS})
    np.testing.assert_allclose(read, hidden, atol=1e-6)
    whole = make_pipeline(StandardScaler(), network).fit(INPUTS, LABELS)
    read = as_reader(whole, {"inputs": INPUTS}, 2).read({"inputs": INPUTS})
    probabilities = whole.predict_proba(INPUTS)[:, 1]
    logits = read @ network.coefs_[-1][:, 0] + network.intercepts_[-1]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), probabilities, atol=1e-5)
    with pytest.raises(InputError, match="not fitted"):
        audit(MLPClassifier(), (INPUTS, LABELS), **FEW)


def test_columns_of_frames_are_put_in_order_or_refused():
    held_out = (FRAME.iloc[:20, ::-1], LABELS[:20])
    one = audit(NETWORK, (FRAME, LABELS), validation=held_out, **ONE)
    other = audit(NETWORK, (FRAME, LABELS), validation=(FRAME.iloc[:20], LABELS[:20]), **ONE)
    assert one.dataset["validation_accuracy"] == other.dataset["validation_accuracy"]
    with pytest.raises(InputError, match="columns of validation are not those"):
        audit(NETWORK, (FRAME, LABELS), validation=(FRAME.add_prefix("a"), LABELS), **ONE)


def test_frames_of_copies_are_aligned_with_the_training_samples():
    copy = FRAME + 0.1 * RNG.normal(size=FRAME.shape)
    straight = compute_null(FRAME, LABELS, {0.1: copy}, **FEW)
    turned = compute_null(FRAME, LABELS, {0.1: copy.iloc[::-1, ::-1]}, **FEW)
    np.testing.assert_array_equal(straight["null_accuracy"], turned["null_accuracy"])
    labels = pd.Series(LABELS)[::-1]
    turned = compute_null(FRAME, labels, {0.1: copy}, **FEW)
    np.testing.assert_array_equal(straight["observed_accuracy"], turned["observed_accuracy"])
    with pytest.raises(InputError, match=r"rows of set 0.1 are not named"):
        compute_null(FRAME, LABELS, {0.1: copy.set_index(np.arange(5, 65))}, **FEW)


@pytest.mark.parametrize(
    "form",
    [
        scipy.sparse.csr_matrix,
        lambda x: torch.from_numpy(x).to_sparse(),
        lambda x: torch.from_numpy(x).requires_grad_(),
    ],
    ids=["scipy", "sparse", "grad"],
)
def test_features_of_other_libraries_are_read(form):
    expected = compute_null(INPUTS, LABELS, {0.1: INPUTS + 1}, **FEW)
    found = compute_null(form(INPUTS), LABELS, {0.1: form(INPUTS + 1)}, **FEW)
    np.testing.assert_array_equal(found["null_accuracy"], expected["null_accuracy"])
    half = torch.from_numpy(INPUTS).bfloat16()
    assert compute_null(half, LABELS, {0.1: half}, **FEW)["null_accuracy"].mean() > 0.9


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((INPUTS, RNG.normal(size=60)), "labels are continuous"),
        ((INPUTS, np.eye(60)[:, :2]), "labels.argmax"),
        ((INPUTS, LABELS[:50]), "data has 60 inputs and labels"),
        ((np.ma.masked_less(INPUTS, 0), LABELS), "masked values"),
        ((INPUTS, np.ma.masked_equal(LABELS, 0)), "masked values"),
        ((FRAME.assign(city="x"), LABELS), "column 'city' of data holds no numbers"),
        ((FRAME, pd.Series(LABELS, index=np.arange(9, 69))), "rows of data labels"),
        (([["a"]] * 60, LABELS), "not numbers"),
        (([[1.0], [1.0, 2.0]] * 30, LABELS), "not an array"),
        (INPUTS, "data is a ndarray: give \\(inputs, labels\\)"),
        (7, "data is a int"),
        (DataLoader([(x, 0, y) for x, y in zip(INPUTS, LABELS, strict=True)]), "does not hold"),
        (({"a": INPUTS, "b": INPUTS[:5]}, LABELS), "different lengths"),
        (({"a": INPUTS, "b": INPUTS}, LABELS), "perturb: say which"),
        ((INPUTS[:, :5], LABELS), "does not take inputs float32 \\(8, 5\\)"),
        ((INPUTS[:0], LABELS[:0]), "no samples"),
    ],
    ids=range(16),
)
def test_what_would_be_misread_is_refused_in_one_line(data, said):
    with pytest.raises(InputError, match=said) as caught:
        audit(NETWORK, data, **ONE)
    assert "\n" not in str(caught.value)


def test_bad_networks_and_options_are_refused():
    data = (INPUTS, LABELS)
    for network, options, said in (
        (7, {}, "the network is a int"),
        (lambda inputs: inputs[0], {}, "gave float32 \\(12,\\) for 8 samples"),
        ({}, {}, "there are no networks"),
        (NETWORK, {"batch_size": 0}, "batch_size = 0"),
        (NETWORK, {"n_permutations": 0}, "n_permutations = 0"),
        (NETWORK, {"validation": (INPUTS[:, :3], LABELS)}, "validation inputs are"),
        (NETWORK, {"validation": (INPUTS, LABELS + 5)}, "none of the training labels"),
        (NETWORK, {"perturb": "x"}, "perturb = 'x': the inputs are inputs"),
    ):
        with pytest.raises(InputError, match=said):
            audit(network, data, **ONE | options)
    with pytest.raises(InputError, match="no mapping"):
        compute_null(INPUTS, LABELS, [INPUTS], **FEW)


def test_inputs_that_change_when_read_again_are_said():
    answer = audit(NETWORK, Augmented(), **ONE)
    assert any("another input each time" in warning for warning in answer.warnings)


def test_rare_and_dominant_classes_and_too_few_permutations_are_said():
    labels = np.array([0] * 56 + [1] * 2 + [2] * 2)
    answer = audit(lambda inputs: inputs, (INPUTS, labels), **ONE | {"n_permutations": 5})
    text = "\n".join(answer.warnings)
    assert "rare classes, of fewer than 5 samples: 1, 2" in text
    assert "class 0 has 93%" in text
    assert "5 permutations are too few" in text
    assert answer.dataset["learned"].item() == "undecided"
    chance = float(answer.dataset["chance_accuracy"].item())
    assert chance == pytest.approx(56 / 60, abs=0.03)
    assert float(answer.dataset["null_accuracy"].mean()) - chance < 0.1


def test_features_at_hand_are_asked_about_with_copies_or_without():
    copies = {0.1: INPUTS + 0.1, 0.5: INPUTS + RNG.normal(size=INPUTS.shape)}
    answer = audit_features(INPUTS, LABELS, copies, validation=(INPUTS, LABELS), **FEW)
    expected = compute_null(INPUTS, LABELS, copies, **FEW)
    found = answer.dataset.sel(network="network")
    np.testing.assert_array_equal(found["null_accuracy"], expected["null_accuracy"])
    without = audit_features(INPUTS, LABELS, **FEW)
    assert "of the features, not of the inputs" in without.warnings[0]
    with pytest.raises(InputError, match="copies 'a': name them by their strength"):
        audit_features(INPUTS, LABELS, {"a": INPUTS}, **FEW)
    with pytest.raises(InputError, match=r"copies 0.1 are \(5, 12\)"):
        audit_features(INPUTS, LABELS, {0.1: INPUTS[:5]}, **FEW)


def test_results_of_several_layers_keep_theirs_when_joined():
    import xarray as xr

    from memlib import shared_structure_test

    data = Data(INPUTS, LABELS)
    found = [
        shared_structure_test(NETWORK, data, perturbations=[0.4], layer=layer, **FEW)
        for layer in ("0", "2")
    ]
    assert xr.concat(found, "of", join="exact")["layer"].values.tolist() == ["0", "2"]
