"""What a view of the explorer shows, read back from the page and held against its dataset."""

import re

import numpy as np
from site_checks import fixed

from memlib.method.verdicts import VERDICTS


def p_text(value):
    return f"{float(value):#.2g}"


SHOWN = """view => ({
  verdict: view.querySelector('.verdict').textContent,
  epoch: view.querySelector('output').textContent,
  slider: view.querySelector('input[type=range]').value,
  choices: Object.fromEntries(
    [...view.querySelectorAll('select')].map(s => [s.dataset.part, s.value])),
  terms: [...view.querySelectorAll('dt')].map(one => one.textContent),
  words: [...view.querySelectorAll('dd')].map(one => one.textContent),
  provenance: view.querySelector('.provenance').textContent,
  dots: [...view.querySelectorAll('.chart:not(.epochs) .null-dot')].map(
    one => [+one.getAttribute('cx'), +one.getAttribute('cy')]),
  observed: +view.querySelector('.chart:not(.epochs) .observed').getAttribute('x1'),
  chance: +view.querySelector('.chart:not(.epochs) .chance').getAttribute('x1'),
  ticks: [...view.querySelectorAll('.tick-x')].map(
    one => [+one.textContent, +one.getAttribute('x')]),
  rows: ['memorized', 'learned'].map(row =>
    [...view.querySelectorAll(`[data-row=${row}]`)].map(one => one.classList[0] === 'yes')),
  levels: [...view.querySelectorAll('.tick-y')].map(
    one => [+one.textContent, +one.getAttribute('y') - 4]),
  curves: Object.fromEntries(['observed', 'validation', 'null-mean'].map(name =>
    [name, view.querySelector(`polyline.${name}`).getAttribute('points').split(' ').map(
      point => +point.split(',')[1])])),
})"""


def shown(page, index=0):
    return page.locator(".view").nth(index).evaluate(SHOWN)


def scale_of(ticks):
    """Read the scale off an axis's ticks: value = slope * pixel + start, and a pixel's worth."""
    values, pixels = np.array(ticks).T
    slope, start = np.polyfit(pixels, values, 1)
    return (lambda pixel: slope * np.asarray(pixel) + start), abs(slope)


def assert_shows(view, dataset, strength, e, seed=0):
    """Compare everything that one view shows with the stored dataset."""
    panel = dataset.sel(perturbation=strength, seed=seed)
    one = panel.isel(epoch=e)
    null = np.sort(one["null_accuracy"].values)
    observed, chance = float(one["observed_accuracy"]), float(one["chance_accuracy"])
    assert view["epoch"] == f"{int(one['epoch']):,}"
    assert view["slider"] == str(e)
    verdict = VERDICTS[int(one["verdict"])]
    assert view["verdict"].lower() == verdict.replace("_", " ")
    for term, word in zip(view["terms"], ("memorized", "learned"), strict=False):
        yes = {"undecided": "undecided"}.get(verdict, "yes" if word in verdict else "no")
        assert term.lower() == f"{word}: {yes}"
    memorized, learned, besides = view["words"]
    mean = float(re.search(r"([\d.]+) on average", memorized)[1])
    assert abs(mean - null.mean()) <= 0.0005 + 1e-9
    assert memorized.startswith(f"{(null > chance).sum()} of {len(null)} classifiers of shuffled")
    assert f"chance ({fixed(chance)})" in memorized
    assert f"from {fixed(null[0])} to {fixed(null[-1])}." in memorized
    assert memorized.endswith(f"at or below it: {p_text(one['share_at_chance'])}.")
    assert f"score {fixed(observed)}, above {(null < observed).sum()} of the {len(null)}" in learned
    assert learned.endswith(f"learned: {p_text(one['p_value'])}.")
    assert f"images: {fixed(one['validation_accuracy'])}." in besides
    assert f"{fixed(100 * one['network_train_accuracy'], 1)} % of its training images" in besides
    # The drawing, read back through the ticks of its own axes.
    value, pixel = scale_of(view["ticks"])
    assert abs(value(view["observed"]) - observed) < pixel
    assert abs(value(view["chance"]) - chance) < pixel
    dots = np.array(view["dots"])
    assert len(dots) == len(null)
    assert len({tuple(dot) for dot in view["dots"]}) == len(null), "a dot hides another"
    assert np.abs(np.sort(value(dots[:, 0])) - null).max() < 6 * pixel  # half a dot, and rounding
    height, pixel = scale_of(view["levels"])
    for name, stored in (
        ("observed", panel["observed_accuracy"]),
        ("validation", panel["validation_accuracy"]),
        ("null-mean", panel["null_accuracy"].mean("permutation")),
    ):
        assert np.abs(height(view["curves"][name]) - stored.values).max() < pixel
    codes = panel["verdict"].values
    if verdict != "undecided":
        assert view["rows"] == [(codes & 1 > 0).tolist(), (codes & 2 > 0).tolist()]
