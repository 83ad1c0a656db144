"""What an audit answers, on data of which the answer is known."""

import json
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from memlib.audit import Watch, audit, compare, read_audit
from memlib.audit.joint import joint_p_value, wilson_interval
from memlib.base.errors import InputError

FEW = {"n_permutations": 19, "n_trees": 20, "progress": False, "n_jobs": 1}


def noise(n=120, width=40, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


def labels_of(n=120, k=2):
    return np.arange(n) % k


def clouds(n=120, width=40, distance=1.5, seed=0):
    inputs = noise(n, width, seed)
    inputs[:, :8] += distance * labels_of(n)[:, None]
    return inputs


def same(inputs):
    return inputs


def test_what_tells_classes_apart_is_learned_and_generalizes():
    held_out = (clouds(60, seed=1), labels_of(60))
    answer = audit(same, (clouds(), labels_of()), validation=held_out, **FEW)
    one = answer.dataset.sel(network="network")
    assert (one["learned"], one["generalizes"]) == ("yes", "yes")
    assert one["joint_p_value"] == 1 / 20
    assert str(answer).startswith("function same, 40 features. Learned: yes, p = 0.050")
    assert one["validation_low"] < one["validation_accuracy"] < one["validation_high"]


def test_noise_is_recognized_but_not_learned():
    held_out = (noise(60, seed=1), labels_of(60))
    answer = audit(same, (noise(), labels_of()), validation=held_out, seed=1, **FEW)
    one = answer.dataset.sel(network="network")
    assert (one["learned"], one["recognizes"], one["generalizes"]) == ("no", "yes", "no")
    assert "generalizes: no, validation" in str(answer)
    assert "chance 0.50" in str(answer)


def test_a_saturated_null_gives_no_answer_and_the_ladder_avoids_it():
    data = clouds(distance=0.5), labels_of()
    saturated = audit(same, data, strengths=[0.03], baselines=False, **FEW)  # one value or two
    one = saturated.dataset.isel(network=0, perturbation=0)
    assert float(one["null_accuracy"].mean()) > 0.95
    assert one["samples_changed"] > 0.95
    assert one["learned"] == "no answer"
    assert any("saturated" in warning for warning in saturated.warnings)
    assert "no answer, the null is saturated" in str(saturated)
    found = audit(same, data, baselines=False, **FEW)
    means = found.dataset["null_accuracy"].mean("permutation").values
    assert (means < 0.95).all()
    assert (means > 0.55).all()
    assert not any("saturated" in warning for warning in found.warnings)
    assert found.dataset["perturbation"].values.min() > 0.02


def test_the_ladder_is_climbed_with_shuffled_labels_alone():
    learned, other = (
        audit(same, (clouds(), labels), baselines=False, **FEW).dataset["perturbation"].values
        for labels in (labels_of(), np.random.default_rng(0).permutation(labels_of()))
    )
    np.testing.assert_array_equal(learned, other)


def test_one_p_value_of_several_strengths_is_uniform_without_effect():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(2000, 1, 20))
    scores = common + rng.normal(size=(2000, 3, 20))  # strengths hang together
    found = np.array([joint_p_value(one[:, 1:], one[:, 0]) for one in scores])
    assert np.mean(found <= 0.05) == pytest.approx(0.05, abs=0.015)
    scores[:, 1, 0] += 6  # an effect at one strength is found
    found = np.array([joint_p_value(one[:, 1:], one[:, 0]) for one in scores])
    assert np.mean(found <= 0.05) > 0.9


def test_joint_p_value_does_not_hang_on_the_scale_of_a_strength():
    scores = np.random.default_rng(0).normal(size=(3, 20))
    wide = scores * np.array([[1], [10], [100]]) + np.array([[0], [5], [-3]])
    assert joint_p_value(scores[:, 1:], scores[:, 0]) == joint_p_value(wide[:, 1:], wide[:, 0])
    assert joint_p_value(scores[:1, 1:], scores[:1, 0]) == np.mean(scores[0] >= scores[0, 0])


def test_interval_is_wilsons():
    n, share, z = 50, 0.08, 1.959964
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert wilson_interval(share, n) == pytest.approx((centre - half, centre + half), abs=1e-6)


class Random(nn.Module):
    """Draws in evaluation, and writes a buffer in forward."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(40, 16), nn.Linear(16, 2)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        np.random.rand()  # noqa: NPY002
        random.random()
        return self.head(F.dropout(self.body(x)))


def test_a_random_forward_pass_is_said_and_leaves_no_trace():
    network, data = Random().train(), (noise(), labels_of())
    network.body.eval()
    network.calls += 3
    kept = network.calls
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    answer = audit(network, data, strengths=[0.2], **FEW)
    assert any("forward pass is random" in warning for warning in answer.warnings)
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]
    assert network.calls is kept
    assert kept == 3
    assert network.training
    assert not network.body.training
    torch.manual_seed(99)  # whatever the caller drew, the answer is the same
    again = audit(network, data, strengths=[0.2], **FEW)
    assert str(again) == str(answer)


def test_batches_of_any_size_give_the_same_answer():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(40, 8), nn.ReLU(), nn.Linear(8, 2))
    data = noise(n=301), labels_of(301)
    one, other = (
        audit(network, data, batch_size=size, strengths=[0.3], baselines=False, **FEW)
        for size in (7, 300)
    )
    assert one.dataset["copies"].item() == other.dataset["copies"].item()
    np.testing.assert_allclose(
        one.dataset["null_accuracy"], other.dataset["null_accuracy"], atol=0.02
    )


def test_several_networks_are_ranked_on_the_same_copies():
    def weak(inputs):
        return inputs[:, :2]

    data = noise(), labels_of()
    answer = audit({"weak": weak, "all": same}, data, strengths=[0.3], **FEW)
    ranks = answer.ranks()
    assert ranks["rank"].sel(network="all") == 1
    assert ranks["rank_high"].sel(network="all") == 1
    inside = (ranks["recognition_low"] < ranks["recognition"]) & (
        ranks["recognition"] < ranks["recognition_high"]
    )
    assert inside.all()
    gap = answer.dataset["null_accuracy"].mean("permutation") - answer.dataset["chance_accuracy"]
    one = gap.sel(network="all", perturbation=0.3).item()
    assert ranks["recognition"].sel(network="all").item() == pytest.approx(one, abs=1e-5)
    assert "[1, 1]" in answer.ranks_table()


def test_networks_measured_apart_are_ranked_if_on_the_same_copies_only():
    data = noise(), labels_of()
    alone = {
        name: audit(same, data, strengths=strengths, seed=seed, baselines=False, **FEW)
        for name, strengths, seed in (
            ("a", [0.3, 0.5], 0),
            ("b", [0.3], 0),
            ("c", [0.4], 0),
            ("d", [0.3], 1),
        )
    }
    joined = compare({name: alone[name] for name in ("a", "b")})
    assert joined.dataset["perturbation"].values.tolist() == [0.3]
    assert joined.ranks()["network"].values.tolist() == ["a", "b"]
    with pytest.raises(InputError, match="different copies"):
        compare({name: alone[name] for name in ("a", "c")})
    with pytest.raises(InputError, match="different classifiers or shuffles"):
        compare({name: alone[name] for name in ("a", "d")})
    other = audit(same, (noise(seed=5), labels_of()), strengths=[0.3], baselines=False, **FEW)
    with pytest.raises(InputError, match="different copies"):
        compare({"a": alone["a"], "other": other})


def test_checkpoints_of_a_folder_are_asked_about_in_order(tmp_path):
    for epoch in (2, 10):
        torch.manual_seed(epoch)
        network = nn.Sequential(nn.Linear(40, 8), nn.ReLU(), nn.Linear(8, 2))
        state = {f"model.{key}": value for key, value in network.state_dict().items()}
        torch.save({"state_dict": state, "epoch": epoch}, tmp_path / f"epoch-{epoch}.ckpt")
    answer = audit(network, (noise(), labels_of()), checkpoints=tmp_path, strengths=[0.3], **FEW)
    assert answer.networks == ("epoch-2", "epoch-10")
    straight = audit(network, (noise(), labels_of()), strengths=[0.3], **FEW)
    one = answer.dataset.sel(network="epoch-10")["null_accuracy"].values
    np.testing.assert_array_equal(one, straight.dataset.sel(network="network")["null_accuracy"])
    with pytest.raises(InputError, match="holds no checkpoints"):
        audit(network, (noise(), labels_of()), checkpoints=tmp_path / "none", **FEW)
    with pytest.raises(InputError, match=r"another architecture|no weights"):
        audit(nn.Linear(40, 2), (noise(), labels_of()), checkpoints=tmp_path, **FEW)


def test_untrained_twin_is_the_same_architecture_with_other_weights():
    network = nn.Sequential(nn.Linear(40, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        network[0].weight.zero_()  # a network that is blind
    answer = audit(network, (clouds(distance=4), labels_of()), strengths=[0.4], **FEW)
    learned = answer.dataset["learned"]
    assert learned.sel(network="network") == "no answer"  # features of copies equal
    assert any("equal their originals" in warning for warning in answer.warnings)
    assert learned.sel(network="untrained") == "yes"
    assert learned.sel(network="raw inputs") == "yes"
    assert answer.dataset["role"].values.tolist() == ["asked", "baseline", "baseline"]


def test_an_answer_is_read_from_netcdf_without_code_of_verdicts(tmp_path):
    import h5py

    answer = audit(same, (noise(), labels_of()), strengths=[0.3], **FEW)
    path = answer.to_netcdf(tmp_path / "answer.nc")
    assert str(read_audit(path)) == str(answer)
    with h5py.File(path) as file:
        assert file["learned"][0].decode() == "no"
        assert file["verdict"][0, 0].decode() == "memorized"
        assert json.loads(file.attrs["warnings"]) == list(answer.warnings)
        for name in ("null_accuracy", "joint_p_value", "recognized"):
            assert file[name].attrs["long_name"]


def test_a_watch_asks_in_a_plain_loop_and_in_lightnings():
    class Trainer:
        current_epoch, is_global_zero, sanity_checking = 1, True, False

    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(40, 8), nn.ReLU(), nn.Linear(8, 2))
    watch = Watch((noise(), labels_of()), epochs=[1, 2], strengths=[0.3], **FEW)
    for epoch in (1, 2, 3):
        if epoch == 2:
            watch.on_train_batch_end(Trainer(), network, None, None, 0)  # not ours
            watch.on_train_epoch_end(Trainer(), network)
        else:
            watch(network, epoch)
    assert watch.dataset["epoch"].values.tolist() == [1, 2]
    one, two = (watch.dataset["null_accuracy"].sel(epoch=epoch) for epoch in (1, 2))
    np.testing.assert_array_equal(one, two)  # nothing was trained: same copies, same shuffles
    with pytest.raises(AttributeError):
        watch.no_hook  # noqa: B018


def test_a_network_of_shuffled_labels_is_told_from_one_of_true_labels():
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    images, digits = load_digits(return_X_y=True)
    images, n = (images / 16).astype(np.float32), 400
    found = {}
    for name in ("true", "shuffled"):
        labels = digits[:n] if name == "true" else np.random.default_rng(0).permutation(digits[:n])
        network = MLPClassifier((64, 16), max_iter=300, random_state=0)
        with warnings.catch_warnings():  # shuffled labels are not learned in so many epochs
            warnings.simplefilter("ignore")
            network.fit(images[:n], labels)
        held_out = images[n:], digits[n:]
        options = {"validation": held_out, "perturbation": "shuffle", "baselines": False}
        found[name] = audit(network, (images[:n], labels), **options, **FEW).dataset.isel(network=0)
    assert [found[name]["generalizes"].item() for name in found] == ["yes", "no"]
    assert found["true"]["learned"] == "yes"
    reached = float(found["shuffled"]["null_validation_accuracy"].max())
    assert float(found["shuffled"]["validation_accuracy"]) <= reached


def test_lucky_labels_of_clusters_do_not_generalize():
    """Shuffled labels fit clusters by luck more often than an interval of single samples allows."""
    said, misread = [], []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        classes = np.arange(400) % 4
        inputs = (3 * np.eye(4)[classes] + 0.3 * rng.normal(size=(400, 4))).astype(np.float32)
        labels = rng.permutation(classes[:80])
        one = audit(
            same,
            (inputs[:80], labels),
            validation=(inputs[80:], classes[80:]),
            strengths=[0.5],
            classifier="nearest_neighbours",
            baselines=False,
            n_permutations=19,
            progress=False,
        ).dataset.isel(network=0)
        said.append(one["generalizes"].item() == "yes")
        misread.append(float(one["validation_low"]) > float(one["validation_chance"]))
    assert np.mean(said) <= 0.16
    assert np.mean(misread) > 0.2
