"""The page "The test, live": a browser that listens, networks of its size."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from kit.pages.live import data as live
from site_checks import FLAGS
from torch.nn import Sequential

from memlib.training.layers import Architecture, Dense
from memlib.training.networks import build_network


@dataclass
class Heard:
    """What a page should not do: requests to hosts, failed ones, console messages, exceptions."""

    problems: list[str] = field(default_factory=list)


@contextmanager
def open_page(
    chromium: str, address: str, *, width: int = 1280, theme: str = "light", motion: str = "reduce"
) -> Iterator[tuple[Any, Heard]]:
    """Open an address; with `motion` "reduce" a null is there at once."""
    from playwright.sync_api import sync_playwright

    heard = Heard()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(
            viewport={"width": width, "height": 900}, reduced_motion=motion, has_touch=width < 500
        )
        context.add_init_script(
            f"localStorage.setItem('mode','{theme}');localStorage.setItem('theme','{theme}')"
        )
        context.route(re.compile(r"^(?:https?|wss?):"), lambda route: route.abort())
        page = context.new_page()
        page.on("request", lambda r: _outside(r.url) and heard.problems.append(r.url))
        page.on("requestfailed", lambda r: heard.problems.append(f"failed: {r.url}"))
        page.on("pageerror", lambda error: heard.problems.append(f"exception: {error}"))
        page.on("console", lambda m: _said(m.text) and heard.problems.append(f"console: {m.text}"))
        page.goto(address, wait_until="load")
        yield page, heard
        browser.close()


def small_network(*units: int, seed: int = 3) -> Sequential:
    """Build a network as the page has them, of dense layers for its small images."""
    architecture = Architecture("live", tuple(map(Dense, units)))
    return build_network(architecture, image_shape=(live.SIDE, live.SIDE), seed=seed)


def inputs(kind: str, n: int = 128) -> np.ndarray:
    """Return training inputs of the page: "images" or "noise", float32 (sample, row, column)."""
    if kind == "noise":
        return np.random.default_rng(5).normal(size=(n, live.SIDE, live.SIDE)).astype(np.float32)
    return live.live_images().train_images[:n].astype(np.float32) / np.float32(255)


def _outside(url: str) -> bool:
    return not url.startswith(("file:", "blob:", "data:"))


def _said(text: str) -> bool:
    return not text.startswith("[PST]: ")  # the theme tells its mode on each page
