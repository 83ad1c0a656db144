"""A book of two chapters and "The test, live", with the real settings and style: quick to build."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from kit.notebooks import execute
from kit.pages.live import data as live
from kit.publish import data_script
from kit.render import build_book

REPOSITORY = Path(__file__).resolve().parents[1]
VALUES = {"n_images": 2000, "fig1": {"gap": "0.12"}, "live": live.live_values()}
SCRIPTS = {"live/data.js": data_script("live", live.live_constants())}

TOC = """\
format: jb-book
root: index
parts:
  - caption: Part
    chapters:
      - file: chapters/first
      - file: chapters/what_the_null_measures
      - file: live
      - file: bibliography
"""
INDEX = """\
# A small book

Trained on {{ n_images }} images, as {cite:t}`chaibubneto2018` did; the gap is {{ fig1.gap }}.
The p-value is $p = (C + 1) / (B + 1)$ {cite:p}`phipsonsmyth2010`, or

```{math}
:label: p_value
p = \\frac{1}{\\sqrt{(B + 1)^2}} \\left(1 + \\sum_{b=1}^{B} \\mathbb{1}[s_b \\ge s]\\right)
```

See {eq}`p_value` and [the first chapter](chapters/first).

$$
\\begin{aligned}
\\mathcal{L} &= -\\frac{1}{2n}\\sum_{i=1}^{n}\\sum_{k=1}^{2} y_{ik}\\log\\hat{y}_{ik} \\\\
&\\quad - \\frac{1}{2n}\\sum_{i=1}^{n}\\sum_{k=1}^{2} (1 - y_{ik})\\log(1 - \\hat{y}_{ik})
\\end{aligned}
$$
"""
# Its output is what memlib.report.plots shows: two pictures, of which the page's theme chooses one.
FIRST = """\
# %% [markdown]
# # First chapter
# The accuracy is above $\\tfrac{1}{2}$; back to [the start](../index.md).
# %% tags=["parameters"]
n_points: int | None = 4  # points of the curve
shares: list[float] = [0.05, 0.1]  # share of pixels that change places
# %%
import base64
import sys
import warnings

from IPython.display import HTML, display
from tqdm.auto import tqdm

for _ in tqdm(range(3)):
    pass
warnings.warn("a warning, with the path of the kernel's file")
print("run by", sys.executable)
# %% [markdown]
# The figure:
# %%
def picture(ink, theme, style=""):
    points = " ".join(f"{60 + 90 * k},{150 - 30 * k}" for k in range(n_points))
    svg = (
        \'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 200"\'
        f\' fill="none" stroke="{ink}">\'
        f\'<polyline points="{points}"/><path d="M40 10V180H700"/></svg>\'
    )
    data = base64.b64encode(svg.encode()).decode()
    return (
        f\'<img class="only-{theme}" alt="A rising line" {style} \'
        f\'src="data:image/svg+xml;base64,{data}">\'
    )

display(HTML(
    \'<figure class="memlib-figure" tabindex="0">\'
    + picture("black", "light") + picture("white", "dark", \'style="display:none"\')
    + "<figcaption>A line that rises. Scale: smoke, 1 seed.</figcaption></figure>"
))
"""
SECOND = """\
# %% [markdown]
# # Second chapter
# %% tags=["parameters"]
text = "a"  # a word
# %%
import pandas as pd
pd.DataFrame({"panel": ["a", "b"], "score": [0.5, 0.75]})
"""


def write_notebook(folder: Path, name: str, text: str) -> Path:
    """Write a percent script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def write_book(folder: Path) -> Path:
    """Copy the real book's settings, extension, style and references; write two short pages."""
    real = REPOSITORY / "book"
    folder.mkdir(parents=True)
    for name in ("_config.yml", "references.bib", "bibliography.md", "live.md"):
        shutil.copy(real / name, folder / name)
    for name in ("kit", "_static"):
        shutil.copytree(real / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "_toc.yml").write_text(TOC, encoding="utf-8")
    (folder / "index.md").write_text(INDEX, encoding="utf-8")
    return folder


def execute_chapters(folder: Path) -> list[Path]:
    """Write and execute the two chapters."""
    first = write_notebook(folder / "notebooks", "first", FIRST)
    second = write_notebook(folder / "notebooks", "what_the_null_measures", SECOND)
    return [
        execute(first, folder / "executed" / "first.ipynb", {"n_points": 6}),
        execute(second, folder / "executed" / "what_the_null_measures.ipynb"),
    ]


def build_small(
    chapters: list[Path],
    book: Path,
    site: Path,
    values: Mapping[str, object] = VALUES,
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """Build a book that `write_book` wrote, and return its first page."""
    return build_book(chapters, book, site, values, files, SCRIPTS)
