"""Two themes, light and dark: colours, and how axes look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

# Dark blue, blue, cyan, grey and red as in the paper; chosen to differ in lightness, too.
COLOURS: Mapping[float, str] = {0.01: "#12337f", 0.05: "#2f6bff", 0.10: "#12b3cf", 1.0: "#8a8a8a"}


VALIDATION_COLOUR = "#d62f2f"


DARK_COLOURS: Mapping[float, str] = {
    0.01: "#5f7fe0",
    0.05: "#6fa8ff",
    0.10: "#45dbee",
    1.0: "#a8a8a8",
}


DARK_VALIDATION_COLOUR = "#ff6b62"


@dataclass(frozen=True)
class Theme:
    """Colours of ink and ground for one reading mode."""

    name: str
    ink: str
    faint: str
    colours: Mapping[float, str]
    validation: str


LIGHT = Theme("light", "#1f2328", "#d5d8dc", COLOURS, VALIDATION_COLOUR)


DARK = Theme("dark", "#e6e6e6", "#4a4f55", DARK_COLOURS, DARK_VALIDATION_COLOUR)


def side_steps(n: int, width: float) -> np.ndarray:
    """Return steps aside that keep n points from hiding each other, the same each time."""
    return width * np.sin(np.arange(n) * 2.4)


def perturbation_colours(strengths: Sequence[float], theme: Theme = LIGHT) -> dict[float, str]:
    """Return a colour for each strength: the paper's own, others greens, away from its red."""
    others = [strength for strength in strengths if strength not in theme.colours]
    ends = "#8aa800,#0a5c36" if theme is LIGHT else "#d6f05c,#2fa36b"
    palette = sns.color_palette(f"blend:{ends}", max(len(others), 2)).as_hex()
    return {
        strength: theme.colours.get(strength) or palette[others.index(strength)]
        for strength in strengths
    }


def style_axes(
    ax: Axes, theme: Theme, *, grid: Literal["x", "y"] | None = None, labelsize: int = 8
) -> None:
    """Give axes a theme's ink, faint lines across one axis if asked for, and two spines."""
    if grid is not None:
        ax.grid(axis=grid, color=theme.faint, linewidth=0.4, zorder=0)
    ax.tick_params(colors=theme.ink, which="both", labelsize=labelsize)
    for spine in ax.spines.values():
        spine.set_color(theme.faint)
    sns.despine(ax=ax)
