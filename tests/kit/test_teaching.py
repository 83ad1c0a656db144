"""Pages to teach from: commands to type, pictures drawn from the data, folds that open."""

import re
import shlex
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import site_checks
import xarray as xr
from click.testing import CliRunner
from conftest import ROOT
from kit.chapters import chapters, source_path
from kit.lessons import DEMONSTRATIONS, lesson_values
from matplotlib.figure import Figure
from tiny_runs import TINY_CHOICE

from memlib.base.words import duration
from memlib.cli.main import main
from memlib.papers.chaibub_neto_2018.choice_runs import measure_choices, write_choices
from memlib.papers.chaibub_neto_2018.choice_tables import effect, run_of
from memlib.papers.chaibub_neto_2018.choices import (
    CHOICES,
    RUNS,
    read_choices,
    stored_choices,
)
from memlib.papers.chaibub_neto_2018.one_thing import (
    change_cards,
    command_of,
    parameters_table,
    plot_change,
    show_change,
)
from memlib.report.styles import DARK
from memlib.results.schema import panels_of
from memlib.runs.figure import run_figure
from memlib.runs.shipped import shipped_results

CHANGED = tuple(name for name in CHOICES if name != "default")
# Read once: files of many groups take seconds.
shipped_once, choices_once = cache(shipped_results), cache(stored_choices)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one_thing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLIB_RESULTS", str(folder / "results"))
        tree = measure_choices(
            ("default", "loss", "raw", "untrained"), n_seeds=2, n_jobs=1, say=str, **TINY_CHOICE
        )
    return read_choices(write_choices(tree, folder / "choices.nc"))


def dry_run(command: str) -> str:
    words = shlex.split(command)
    assert words[:2] == ["memlib", "run"]
    done = CliRunner().invoke(main, [*words[1:], "--dry-run"])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("name", CHANGED)
def test_each_change_has_a_command_that_changes_just_that(name, results_folder):
    command = command_of(CHOICES[name])
    assert "in all" in dry_run(command)
    extra = RUNS["cnn"].changes if CHOICES[name].runs == ("cnn",) else {}
    assert set(re.findall(r'-p "?(\w+)=', command)) == {*CHOICES[name].changes, *extra}
    assert f"`{command}`" in parameters_table()


@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_lesson_times_are_those_of_a_dry_run(name, results_folder):
    values, units = lesson_values({}), {"s": 1, "min": 60, "h": 3600}
    said = dry_run(DEMONSTRATIONS[name].command)
    times = (re.search(r"in all (.*) of one core", said)[1], values[f"{name}_time"])
    asked, told = (float(number) * units[unit] for number, unit in map(str.split, times))
    assert told == pytest.approx(asked, rel=0.15)  # two estimates, which differ a little
    assert values[f"{name}_command"] in values["demonstrations"]


def stored(name: str, panel: str) -> xr.Dataset:
    """Scores of a demonstration's figure at a tenth of the paper's epochs, means over all draws."""
    figure = DEMONSTRATIONS[name].figure
    assert panel in DEMONSTRATIONS[name].panels
    return panels_of(shipped_once("tenth")[figure])[panel].mean(("seed", "permutation"))


def tried(name: str, choice: str) -> xr.Dataset:
    """Scores of the open choice that a demonstration shows, means over seeds and shuffles."""
    one, run = DEMONSTRATIONS[name], RUNS["images"]
    assert (one.figure, one.panels) == (run.figure, (run.panel,))
    shorter = {"epochs", "perturbations"}  # of the same run: fewer epochs, other strengths
    changed, shown = (
        {k: v for k, v in of.changes.items() if k not in shorter} for of in (CHOICES[choice], one)
    )
    assert choice == "default" or changed == shown
    return choices_once()[f"{choice}/images"].to_dataset().mean(("seed", "permutation"))


def gentlest(scores: xr.Dataset) -> xr.Dataset:
    return scores.isel(perturbation=int(np.argmin(scores["perturbation"].values)))


def watched(name: str) -> Iterator[bool]:
    """Whether stored runs show what a lecturer is told to watch, statement by statement."""
    if name == "dropout":
        a, d = gentlest(stored(name, "a")), gentlest(stored(name, "d"))
        yield bool((d["null_accuracy"] < a["null_accuracy"]).all())
        yield float(abs(d["validation_accuracy"] - a["validation_accuracy"]).max()) < 0.04
    elif name == "noise":
        one = gentlest(stored(name, "d"))
        null, learned = one["null_accuracy"].values, one["observed_accuracy"] > 0.9
        onset, bottom = int(np.argmax(learned.values)), int(np.argmin(null[:8]))
        yield 0 < bottom < onset
        yield null[0] - 0.1 > null[bottom] < null[onset] - 0.05 > null[-1]
        yield float(abs(one["validation_accuracy"] - 0.5).max()) < 0.03
    elif name == "gentle":
        nulls = stored(name, "a").sortby("perturbation")["null_accuracy"]
        yield bool((nulls.diff("perturbation") < 0).all())
    elif name == "rotate":
        one = gentlest(tried(name, "rotate"))
        yield bool((one["null_accuracy"] > 0.53).all())
        yield bool((one["observed_accuracy"] > one["null_accuracy"] + 0.1).all())
    elif name == "linear":
        null = gentlest(tried(name, "discriminant"))["null_accuracy"]
        yield bool(((null > 0.51) & (null < 0.53)).all())
        yield float(gentlest(tried(name, "default"))["null_accuracy"].max()) > 0.65
    elif name == "shuffled":
        end = gentlest(tried(name, "shuffled")).isel(epoch=-1)
        yield float(end["observed_accuracy"] - end["null_accuracy"]) > 0.1
        yield abs(float(end["validation_accuracy"]) - 0.5) < 0.03


# Those of depth and seed say where to look, and no more.
@pytest.mark.parametrize("name", sorted(set(DEMONSTRATIONS) - {"depth", "seed"}))
def test_stored_runs_show_what_a_lecturer_is_told_to_watch(name):
    seen = list(watched(name))
    assert seen
    assert all(seen), seen


def test_running_times_are_measured_where_a_run_is_given(results_folder):
    tree = run_figure("fig1", "smoke", panels=["a"], n_jobs=1, progress=False, **TINY_CHOICE)
    tree.attrs["compute_seconds"] = 1234.0
    first, second = lesson_values({"fig1": tree})["running_times"].splitlines()[2:4]
    assert first.endswith("| 21 min |")
    assert second.endswith("| – |")
    assert "this copy (smoke), measured" in lesson_values({"fig1": tree})["running_times"]


def test_chapter_shows_every_change_once():
    text = source_path("change_one_thing").read_text(encoding="utf-8")
    shown = [
        name
        for names in re.findall(r"^show\((.*?)\)$", text, re.MULTILINE)
        for name in re.findall(r'"(\w+)"', names)
    ]
    assert sorted(shown) == sorted(CHANGED)


def test_cards_without_a_dataset_or_without_a_run_say_so(measured):
    (card,) = change_cards(None, "loss")
    assert card.picture is None
    assert "No run of this change is stored here." in card.text
    assert "-p loss=categorical" in card.text
    (card,) = change_cards(measured, "rotate")
    assert card.picture is None


def test_cards_tell_the_change_and_draw_it(measured):
    loss, raw = change_cards(measured, "loss", "raw")
    change = effect(measured, "loss", "noise").null_change
    text = f"{change.mean():+.3f} ({change.min():+.3f} to {change.max():+.3f})".replace("-", "−")
    assert f"On noise the null changes by {text}" in loss.text
    assert "On noise" not in raw.text
    assert "2 seeds" in loss.picture.caption
    noise = run_of(measured, "loss", "noise")
    null = noise["null_accuracy"].isel(perturbation=0).mean(("seed", "permutation")).values
    assert f"On noise: null from {null[0]:.2f} to {null[-1]:.2f}" in loss.picture.alt
    assert loss.picture.light != loss.picture.dark
    assert "On images" in raw.picture.alt
    assert "On noise" not in raw.picture.alt


def test_picture_draws_the_means_of_both_runs(measured):
    changed, reference = (run_of(measured, name, "noise") for name in ("untrained", "default"))
    ax = plot_change(changed, reference, ax=Figure().subplots(), theme=DARK)
    lines = {
        (line.get_color(), line.get_linestyle()): line
        for line in ax.lines
        if line.get_linestyle() != ":"
    }
    assert set(lines) == {(c, s) for c in (DARK.ink, DARK.colours[0.05]) for s in ("-", "--")}
    drawn = lines[DARK.ink, "-"]
    expected = reference["null_accuracy"].isel(perturbation=0).mean(("seed", "permutation"))
    np.testing.assert_allclose(drawn.get_ydata(), expected)
    np.testing.assert_array_equal(drawn.get_xdata(), reference["epoch"])
    level = lines[DARK.colours[0.05], "--"]  # measured at one epoch, drawn as a level
    observed = float(changed["observed_accuracy"].isel(perturbation=0, epoch=0).mean())
    assert list(level.get_ydata()) == [observed, observed]
    assert list(level.get_xdata()) == [1, 3]
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    low, high = (
        reference["null_accuracy"]
        .isel(perturbation=0)
        .quantile((0.05, 0.95), ("seed", "permutation"))
    )
    assert band.min() == pytest.approx(float(low.min()))
    assert band.max() == pytest.approx(float(high.max()))


def test_picture_of_a_run_on_images_alone_has_one_panel(measured):
    assert show_change(measured, "raw").light.count('<g id="axes_') == 1


@pytest.mark.xdist_group("site")
def test_solutions_are_folded_and_open_by_keyboard(built_site):
    pytest.importorskip("playwright")
    from playwright.sync_api import sync_playwright

    chromium = site_checks.find_chromium()
    if chromium is None:
        pytest.skip("no Chromium: install one or set MEMLIB_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=site_checks.FLAGS)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto((built_site / "chapters" / "fig5.html").resolve().as_uri())
        folds = page.locator("details.memlib-fold")
        assert folds.count() == 6
        code = folds.nth(1).locator("div.highlight pre")
        assert not code.is_visible()
        summary = folds.nth(1).locator("summary")
        assert summary.inner_text() == "Solution"
        summary.focus()
        page.keyboard.press("Enter")
        assert code.is_visible()
        assert "run_figure" in code.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        browser.close()


@pytest.mark.xdist_group("site")
def test_pages_to_teach_from_are_filled_in(built_site):
    teach = (built_site / "teach.html").read_text(encoding="utf-8")
    assert "{{" not in teach
    for one in DEMONSTRATIONS.values():
        assert one.watch.replace("'", "’") in teach
        assert duration(one.seconds) in teach
    change = (built_site / "chapters" / "change_one_thing.html").read_text(encoding="utf-8")
    for name in CHANGED:
        assert CHOICES[name].label.replace("'", "’") in change.replace("'", "’")


PAGES = sorted([*(ROOT / "book").glob("*.md"), *chapters().values()])


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_page_ends_with_a_summary(page):
    mark = "# " if page.suffix == ".py" else ""
    heads = re.findall(rf"^{mark}## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    own = [head for head in heads if head != "How this page was made"]
    assert own[-1] == "Summary"
