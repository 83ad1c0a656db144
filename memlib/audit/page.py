"""The report of an audit: one HTML file that asks for nothing over the network (no torch)."""

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from memlib.base.files import write_text
from memlib.base.version import __version__
from memlib.base.words import strength_labels
from memlib.report.pictures import picture

if TYPE_CHECKING:
    from memlib.audit.answer import Audit


def _figure(audit: "Audit") -> Markup:
    drawn = picture(
        audit.plot,
        alt="Accuracy on perturbed copies for each network and strength: null, observed score, "
        "chance, and the interval of validation. The table below has the numbers.",
        caption="Each point is a shuffle of the labels. Where the null lies right of chance, "
        "features recognize single samples; where the observed score lies right of the whole "
        "null, they hold more of the true labels than of shuffled ones.",
    )
    return Markup(drawn._repr_html_())


def fragment(audit: "Audit") -> str:
    """Return answer and figure as HTML, for a notebook."""
    environment = Environment(autoescape=True)
    text = "<pre>{{ audit }}</pre>{{ figure }}"
    return environment.from_string(text).render(audit=str(audit), figure=_figure(audit))


def write_page(audit: "Audit", path: Path) -> Path:
    """Write the report, whole or not at all; return its path."""
    write_text(path, page(audit))
    return path


def page(audit: "Audit") -> str:
    """Return the report as HTML; all text is escaped."""
    ds = audit.dataset
    template = (files("memlib.audit") / "page.html").read_text(encoding="utf-8")
    labels = strength_labels(ds["perturbation"])
    answers = [
        {
            "name": str(name),
            "asked": ds["role"].sel(network=name).item() == "asked",
            "text": ds["answer"].sel(network=name).item(),
            "questions": [
                (question, ds[variable].sel(network=name).item())
                for question, variable in (
                    ("Learned?", "learned"),
                    ("Recognizes single samples?", "recognizes"),
                    ("Generalizes?", "generalizes"),
                )
            ],
        }
        for name in ds["network"].values
    ]
    rows = [
        {
            "network": str(name),
            "strength": label,
            "values": f"{float(one['values_changed']):.1%}",
            "numbers": [
                f"{float(value):.3f}"
                for value in (
                    one["null_accuracy"].mean(),
                    one["chance_accuracy"],
                    one["observed_accuracy"],
                    one["p_value"],
                )
            ],
            "verdict": one["verdict"].item().replace("_", " "),
        }
        for name in ds["network"].values
        for strength, label in labels.items()
        for one in [ds.sel(network=name, perturbation=strength)]
    ]
    ranks = []
    if len(audit.networks) > 1:
        found = audit.ranks().sortby("rank")
        for name in found["network"].values:
            one = found.sel(network=name)
            recognition = [one[f"recognition{end}"].item() for end in ("", "_low", "_high")]
            places = [int(one[f"rank{end}"]) for end in ("", "_low", "_high")]
            ranks.append((str(name), [f"{value:.3f}" for value in recognition], places))
    settings = json.loads(ds.attrs["parameters"])
    settings |= {"memlib": ds.attrs.get("memlib_version", __version__)}
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=ds.attrs["title"],
        answers=answers,
        warnings=audit.warnings,
        figure=_figure(audit),
        meaning=ds["perturbation"].attrs["long_name"],
        rows=rows,
        ranks=ranks,
        recognized=_best_known(audit),
        settings=settings,
        references=ds.attrs["references"],
    )


def _best_known(audit: "Audit", n: int = 10) -> list[tuple[str, list[int]]]:
    """Return for each network asked about the samples that it recognizes best, by their numbers."""
    hits = audit.dataset["recognized"].mean("perturbation")
    return [
        (name, np.argsort(-hits.sel(network=name).values, kind="stable")[:n].tolist())
        for name in audit.networks
    ]
