/* Real images, disturbed by the reader: the definitions of memlib/perturb.py, drawn on canvases. */
"use strict";
(() => {
  const data = globalThis.memlibData.by_eye;
  const [nRows, nColumns] = data.shape;
  const N = nRows * nColumns;
  const originals = data.images.map((image) => image.pixels.map((value) => value / 255));

  /** Uniform numbers from 0 to 1, the same for the same seed (mulberry32). */
  function uniform(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  /** Every position once, in random order (Fisher and Yates). */
  function randomOrder(n, random) {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  /** Standard normal numbers (Box and Muller). */
  function normal(n, random) {
    return Array.from(
      { length: n },
      () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    );
  }

  /** The first positions of a random order trade values: a random subset, in random order. */
  function shufflePixels(values, share, order) {
    // Shares are whole percents, for which no product with 784 ends in .5: rounds as Python does.
    const source = order.slice(0, Math.round(share * values.length));
    const target = [...source].sort((a, b) => a - b);
    const shuffled = [...values];
    target.forEach((position, i) => (shuffled[position] = values[source[i]]));
    return shuffled;
  }

  /** Counter-clockwise about the centre, bilinear, 0 where there was no image. */
  function rotate(values, degrees) {
    const angle = (degrees * Math.PI) / 180;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const [midRow, midColumn] = [(nRows - 1) / 2, (nColumns - 1) / 2];
    const tidy = (value) => Math.round(value * 1e9) / 1e9; // an edge pixel is not outside by 1e-16
    const at = (row, column) => values[row * nColumns + column];
    return values.map((_, i) => {
      const [up, along] = [Math.floor(i / nColumns) - midRow, (i % nColumns) - midColumn];
      const row = tidy(cos * up + sin * along + midRow);
      const column = tidy(-sin * up + cos * along + midColumn);
      if (row < 0 || row > nRows - 1 || column < 0 || column > nColumns - 1) return 0;
      const [r, c] = [Math.min(Math.floor(row), nRows - 2), Math.min(Math.floor(column), nColumns - 2)];
      const [down, right] = [row - r, column - c];
      const upper = at(r, c) * (1 - right) + at(r, c + 1) * right;
      const lower = at(r + 1, c) * (1 - right) + at(r + 1, c + 1) * right;
      return upper * (1 - down) + lower * down;
    });
  }

  const KINDS = {
    shuffle: {
      name: "shuffle pixels", most: 100, unit: 100, marks: [0, 1, 5, 10, 100],
      words: (share) => `${Math.round(100 * share)} % of the pixels`,
      disturb: (values, share, random) => shufflePixels(values, share, randomOrder(N, random)),
    },
    rotate: {
      name: "rotate", most: 180, unit: 1, marks: [0, 5, 15, 45, 180],
      words: (degrees) => `${degrees}°`,
      disturb: (values, degrees) => rotate(values, degrees),
    },
    add_noise: {
      name: "add noise", most: 100, unit: 100, marks: [0, 10, 25, 50, 100],
      words: (sd) => `sd ${sd.toFixed(2)}`,
      disturb: (values, sd, random) => {
        const noise = normal(N, random);
        return values.map((value, i) => value + sd * noise[i]);
      },
    },
  };

  /** All images disturbed, each with random numbers of its own. */
  function disturbAll({ kind, strength, draw }) {
    return originals.map((values, image) =>
      KINDS[kind].disturb(values, strength, uniform(1_000_003 * draw + image))
    );
  }

  function correlation(a, b) {
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [midA, midB] = [mean(a), mean(b)];
    const product = (x, midX, y, midY) =>
      x.reduce((sum, value, i) => sum + (value - midX) * (y[i] - midY), 0);
    return product(a, midA, b, midB) / Math.sqrt(product(a, midA, a, midA) * product(b, midB, b, midB));
  }

  function average(disturbed, measure) {
    return originals.reduce((sum, one, i) => sum + measure(one, disturbed[i]), 0) / originals.length;
  }

  function readAddress() {
    const given = new URLSearchParams(location.hash.replace(/^#/, ""));
    const kind = Object.hasOwn(KINDS, given.get("kind") ?? "") ? given.get("kind") : "shuffle";
    const { most, unit } = KINDS[kind];
    const wanted = Math.round(Number(given.get("strength") ?? 0.05) * unit);
    const steps = Math.min(most, Math.max(0, wanted || 0));
    const draw = Math.max(0, Math.floor(Number(given.get("draw")) || 0));
    return { kind, strength: steps / unit, draw, guess: given.get("guess") === "yes" };
  }

  const page = document.getElementById("memlib-by-eye");
  const find = (name) => page.querySelector(`[data-part="${name}"]`);
  let state = readAddress();
  let later = null;

  const pictures = data.images.map((image, i) => {
    const item = document.createElement("li");
    const canvases = ["original", "disturbed"].map((name) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [nColumns, nRows];
      canvas.dataset.part = name;
      canvas.setAttribute("role", "img");
      item.append(canvas);
      return canvas;
    });
    const label = document.createElement("span");
    label.textContent = image.label.toLowerCase();
    item.append(label);
    find("pictures").append(item);
    return { canvases, label, number: i + 1 };
  });

  /** Ink on paper on light pages, light on dark ones; a pixel of the image is a pixel of the canvas. */
  function paint(canvas, values) {
    const dark = document.documentElement.dataset.theme === "dark";
    const shown = new ImageData(nColumns, nRows);
    values.forEach((value, i) => {
      const level = Math.round(255 * Math.min(1, Math.max(0, value)));
      shown.data.fill(dark ? level : 255 - level, 4 * i, 4 * i + 3);
      shown.data[4 * i + 3] = 255;
    });
    canvas.getContext("2d").putImageData(shown, 0, 0);
  }

  let marksOf = null;

  /** Buttons for strengths to go to; made once a kind, so that one that was pressed keeps the focus. */
  function drawMarks(kind) {
    if (marksOf !== kind) {
      const marks = kind.marks.map((steps) => {
        const mark = document.createElement("button");
        mark.type = "button";
        mark.value = steps;
        mark.textContent = kind.words(steps / kind.unit).replace(" of the pixels", "");
        mark.addEventListener("click", () => change({ strength: steps / kind.unit }));
        return mark;
      });
      find("marks").replaceChildren(...marks);
      marksOf = kind;
    }
    for (const mark of find("marks").children) {
      mark.setAttribute("aria-pressed", Number(mark.value) === Math.round(state.strength * kind.unit));
    }
  }

  function draw() {
    const kind = KINDS[state.kind];
    const disturbed = disturbAll(state);
    const words = kind.words(state.strength);
    pictures.forEach(({ canvases, label, number }, i) => {
      const name = state.guess ? `image ${number}` : `${data.images[i].label.toLowerCase()} ${number}`;
      paint(canvases[0], originals[i]);
      paint(canvases[1], disturbed[i]);
      canvases[0].setAttribute("aria-label", `${name}, original`);
      canvases[1].setAttribute("aria-label", `${name}, ${kind.name}: ${words}`);
      canvases[0].hidden = label.hidden = state.guess;
    });
    for (const radio of page.querySelectorAll("input[name=kind]")) radio.checked = radio.value === state.kind;
    const slider = find("strength");
    slider.max = kind.most;
    slider.value = Math.round(state.strength * kind.unit);
    slider.setAttribute("aria-valuetext", words);
    find("output").textContent = words;
    find("guess").checked = state.guess;
    find("draw").disabled = state.kind === "rotate";
    drawMarks(kind);
    const sameHistogram = (a, b) => [...a].sort().join() === [...b].sort().join();
    const changed = average(disturbed, (a, b) => a.filter((value, i) => value !== b[i]).length);
    const kept = average(disturbed, sameHistogram) === 1;
    const drawn =
      state.kind === "shuffle" ? `${Math.round(state.strength * N)} of ${N} positions drawn in each. ` : "";
    find("numbers").textContent =
      `${drawn}On average ${changed.toFixed(1)} pixels (${((100 * changed) / N).toFixed(1)} %) hold another ` +
      `value; correlation with the original ${average(disturbed, correlation).toFixed(3)}; histogram ` +
      `${kept ? "kept" : "not kept"}.`;
  }

  function change(update) {
    state = { ...state, ...update };
    draw();
    clearTimeout(later);
    later = setTimeout(() => {
      const { kind, strength, draw: number, guess } = state;
      const address = new URLSearchParams({ kind, strength, draw: number, ...(guess ? { guess: "yes" } : {}) });
      history.replaceState(null, "", `#${address}`);
      find("spoken").textContent = `${KINDS[kind].name}, ${KINDS[kind].words(strength)}. ${find("numbers").textContent}`;
    }, 300);
  }

  for (const radio of page.querySelectorAll("input[name=kind]")) {
    const first = KINDS[radio.value].marks[2] / KINDS[radio.value].unit;
    radio.addEventListener("change", () => change({ kind: radio.value, strength: first }));
  }
  find("strength").addEventListener("input", (event) =>
    change({ strength: Number(event.target.value) / KINDS[state.kind].unit })
  );
  find("draw").addEventListener("click", () => change({ draw: state.draw + 1 }));
  find("guess").addEventListener("change", (event) => change({ guess: event.target.checked }));
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;
    state = readAddress();
    draw();
  });
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  page.hidden = false;
  draw();
  globalThis.memlibByEye = { shufflePixels, rotate, normal, randomOrder, uniform };
})();
