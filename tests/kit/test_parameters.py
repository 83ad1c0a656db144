"""What may be changed about a figure: types and ranges, and the line that refuses the rest."""

import pytest
from kit.chapters import chapters, source_path
from kit.notebooks import declared_parameters
from kit.parameters import check_parameters, notebook_parameters, parse_assignments

from memlib.base.errors import InputError
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES
from memlib.runs.study import resolve

NAN, INFINITE = float("nan"), float("inf")
# name, value, what the line has to say besides
BAD = [
    ("epochs", 1e3, "1000.0"),
    ("epochs", True, "True"),
    ("epochs", "5", "'5'"),
    ("epochs", 0, "0"),
    ("epochs", [5], "[5]"),
    ("cnn_epochs", -1, "-1"),
    ("n_measured_epochs", 0, "0"),
    ("n_measured_epochs", 2.0, "2.0"),
    ("seed", -1, "-1"),
    ("seed", 0.0, "0.0"),
    ("seed", "0", "'0'"),
    ("seed", 2**32, "4294967296"),
    ("n_seeds", 0, "0"),
    ("n_images", 1, "1"),
    ("n_images", 2000.0, "2000.0"),
    ("n_validation_images", 0, "0"),
    ("batch_size", 0, "0"),
    ("n_permutations", 0, "0"),
    ("n_permutations", 1.5, "1.5"),
    ("n_trees", "5", "'5'"),
    ("n_trees", True, "True"),
    ("learning_rate", 0, "0"),
    ("learning_rate", -0.1, "-0.1"),
    ("learning_rate", NAN, "nan"),
    ("learning_rate", INFINITE, "inf"),
    ("learning_rate", "0.1", "'0.1'"),
    ("learning_rate", True, "True"),
    ("noise_sd", 0.0, "0.0"),
    ("noise_sd", INFINITE, "inf"),
    ("optimizer", "adam", "sgd, rmsprop"),
    ("optimizer", 3, "sgd, rmsprop"),
    ("inputs", "sound", "images, noise"),
    ("classifier", "forest", "random_forest"),
    ("perturbation_kind", "blur", "shuffle, shuffle_shared, rotate, add_noise, occlude"),
    ("perturbations", [1.5], "1.5"),
    ("perturbations", [0.05, -0.1], "-0.1"),
    ("perturbations", [NAN], "nan"),
    ("perturbations", [], "at least one"),
    ("perturbations", 0.05, "0.05"),
    ("perturbations", ["0.05"], "'0.05'"),
    ("perturbations", [True], "True"),
    ("perturbations", "0.05", "'0.05'"),
    ("perturbations", [0.05, 0.1, 0.05], "once"),
    ("panels", ["z"], "'z'"),
    ("panels", ["a", "A"], "'A'"),
    ("panels", [1], "1"),
    ("panels", "ad", "'ad'"),
    ("panels", [], "at least one"),
    ("panels", ["a", "d", "a"], "once"),
    ("data", 5, "5"),
]


def refused(function, *arguments, **named) -> str:
    with pytest.raises(InputError) as error:
        function(*arguments, **named)
    text = str(error.value)
    assert "\n" not in text
    return text


# Bad inputs


@pytest.mark.parametrize(("name", "value", "said"), BAD)
def test_bad_value_is_refused_in_one_line_that_names_the_field(name, value, said):
    text = refused(resolve, "fig1", "smoke", **{name: value})
    assert text.startswith(name)
    assert said in text


@pytest.mark.parametrize(("name", "value", "said"), BAD)
def test_bad_value_is_refused_by_the_notebooks_own_declaration(name, value, said):
    text = refused(check_parameters, "fig1", {"scale": "smoke", name: value})
    assert text.startswith(name)


@pytest.mark.parametrize("figure", ["fig9", "Fig1", "", "s_validation_by_eye"])
def test_unknown_figure_is_named(figure):
    text = refused(resolve, figure)
    assert repr(figure) in text
    assert all(name in text for name in FIGURES)


@pytest.mark.parametrize("chapter", ["fig9", "../fig1", ""])
def test_unknown_chapter_is_named(chapter):
    assert repr(chapter) in refused(source_path, chapter)


@pytest.mark.parametrize("scale", ["huge", "Paper", "", None, 3])
def test_unknown_scale_is_named(scale):
    text = refused(resolve, "fig1", scale)
    assert text.startswith("scale")
    assert all(name in text for name in SCALES)


@pytest.mark.parametrize("name", ["n_permutation", "Seed", "figure_", "scales"])
def test_unknown_parameter_is_named_with_those_there_are(name):
    for text in (
        refused(resolve, "fig1", "smoke", **{name: 5}),
        refused(check_parameters, "fig1", {name: 5}),
    ):
        assert repr(name) in text
        assert "n_permutations" in text


@pytest.mark.parametrize("figure", ["fig2", "fig3", "fig4"])
@pytest.mark.parametrize("panel", ["c", "f"])
def test_panel_that_a_figure_lacks_is_named(figure, panel):
    text = refused(resolve, figure, "smoke", panels=["a", panel])
    assert text.startswith("panels")
    assert repr(panel) in text
    assert figure in text


@pytest.mark.parametrize(
    ("kind", "strength"), [("rotate", 361.0), ("rotate", -1.0), ("add_noise", -0.5), ("occlude", 2)]
)
def test_strength_is_checked_by_the_kinds_own_range(kind, strength):
    text = refused(resolve, "fig1", perturbation_kind=kind, perturbations=[strength])
    assert text.startswith("perturbations")


def test_strengths_of_another_kind_may_exceed_1():
    settings = resolve("fig1", perturbation_kind="rotate", perturbations=[15, 90.0])
    assert settings.perturbations == (15.0, 90.0)


@pytest.mark.parametrize("text", ["n_trees", "=5", "n trees=5", "5=n_trees", ""])
def test_assignment_that_is_none_is_shown(text):
    assert text in refused(parse_assignments, [text])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x=5", 5),
        ("x=1e3", 1000.0),
        ("x= 0.5 ", 0.5),
        ("x=[0.05, 1]", [0.05, 1]),
        ("x=['a','d']", ["a", "d"]),
        ("x=sgd", "sgd"),
        ("x=a=b", "a=b"),
        ("x=None", None),
        ("x=True", True),
        ("x=", ""),
        ("x=/some/file.nc", "/some/file.nc"),
        ("x={[]: 1}", "{[]: 1}"),
        ("x=__import__('os')", "__import__('os')"),
    ],
)
def test_assignment_is_a_literal_or_a_word(text, value):
    parsed = parse_assignments([text])
    assert parsed == {"x": value}
    assert type(parsed["x"]) is type(value)


@pytest.mark.parametrize(
    ("chapter", "given"),
    [
        ("algorithm_1_by_hand", {"n_permutations": 5.0}),
        ("algorithm_1_by_hand", {"n_trees": None}),
        ("algorithm_1_by_hand", {"panels": ["a"]}),
        ("s_validation_by_eye", {"shares": 0.05}),
        ("s_validation_by_eye", {"shares": ["0.05"]}),
        ("s_validation_by_eye", {"n_examples": True}),
    ],
)
def test_method_chapters_check_types_too(chapter, given):
    assert next(iter(given)) in refused(check_parameters, chapter, given)


@pytest.mark.parametrize(
    ("chapter", "given", "said"),
    [
        ("algorithm_1_by_hand", {"seed": -1}, "seed = -1: take 0 or more"),
        ("algorithm_1_by_hand", {"disturbance": -0.1}, "disturbance = -0.1: take 0 or more"),
        ("larger_runs", {"n_cores": 0}, "n_cores = 0: take 1 or more"),
        ("larger_runs", {"scale": "bogus"}, "scale = 'bogus': take one of smoke"),
        ("your_network", {"epochs": [1, 0]}, "epochs = 0: take 1 or more"),
        ("your_network", {"shifts": []}, "shifts = []: give one value or more"),
        ("your_network", {"shares": [0.05, 5.0]}, "shares = 5.0: take 0 to 1"),
        ("your_network", {"n_images": 1797}, "n_images = 1797: take 2 to 1796"),
        ("what_the_null_measures", {"n_images": -5}, "n_images = -5: take 1 or more"),
    ],
)
def test_method_chapters_check_ranges_too(chapter, given, said):
    assert said in refused(check_parameters, chapter, given)


@pytest.mark.parametrize("chapter", chapters())
def test_every_default_is_in_its_range(chapter):
    declared = declared_parameters(source_path(chapter)).values()
    check_parameters(chapter, {one.name: one.default for one in declared})


def test_a_setting_without_a_line_of_its_own_goes_into_more():
    given = check_parameters("fig1", {"seed": 1, "n_trees": 5, "more": {"noise_sd": 2.0}})
    assert given == {"seed": 1, "n_trees": 5, "noise_sd": 2.0}
    placed = notebook_parameters("fig1", given)
    assert placed == {"seed": 1, "more": {"n_trees": 5, "noise_sd": 2.0}}
    assert check_parameters("fig1", placed) == given
    chapter = {"n_permutations": 5}
    assert notebook_parameters("algorithm_1_by_hand", chapter) == chapter


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"more": {"n_tree": 5}}, "unknown parameter 'n_tree'"),
        ({"more": {"n_trees": 0}}, "n_trees = 0"),
        ({"more": 5}, "more = 5: write settings by name"),
        ({"seed": 1, "more": {"seed": 2}}, "more: 'seed' is given outside"),
    ],
)
def test_what_more_holds_is_checked_before_any_work(given, said):
    assert said in refused(check_parameters, "fig1", given)


def test_good_values_pass_unchanged():
    given = {"scale": "smoke", "n_trees": 5, "panels": ["a"], "learning_rate": 1, "epochs": None}
    assert check_parameters("fig2", given) == given
