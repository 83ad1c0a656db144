"use strict";
/* The two pictures, as SVG in screen pixels: colours come from live.css, so that the page's theme
   needs no redrawing. Both take what a run has told so far. */
const memlibDraw = (() => {
  const LOW = 0.4; // accuracies below are drawn at the edge
  const number = (value) => value.toFixed(2);
  const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

  function element(parent, name, attributes, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  }

  function begin(svg, height) {
    const width = svg.parentElement.clientWidth;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.replaceChildren();
    return width;
  }

  const clip = (value) => Math.min(1, Math.max(LOW, value));

  /* The null of one epoch: a dot for each shuffle of the labels, a lane for each set. */
  function drawNull(svg, measurement, { shares, permutations }) {
    const lanes = [180, 140];
    const [left, right, axis] = [12, 12, 36];
    const width = begin(svg, lanes[0] + lanes[1] + axis);
    const x = (score) => left + ((clip(score) - LOW) / (1 - LOW)) * (width - left - right);
    let base = 0;
    shares.forEach((share, set) => {
      const top = base;
      base += lanes[set];
      const group = element(svg, "g", { class: `live-set-${set}` });
      element(group, "line", { class: "live-ground", x1: left, x2: width - right, y1: base, y2: base });
      element(group, "text", { class: "live-lane", x: left, y: top + 15 }, `${percent(share)} of the pixels shuffled`);
      element(group, "line", { class: "live-chance", x1: x(0.5), x2: x(0.5), y1: top + 38, y2: base });
      if (set === 0) element(svg, "text", { class: "live-tick", x: x(0.5) + 4, y: top + 48 }, "chance");
      if (!measurement) return;
      const scores = measurement.nullScores[set];
      // As large as a bin is wide, smaller where the tallest pile to be expected needs it.
      const wide = Math.min(8, 0.009 * ((width - left - right) / (1 - LOW)));
      const step = Math.min(wide + 0.5, (lanes[set] - 48) / (0.2 * permutations + 2));
      const size = Math.max(Math.min(wide, 3), Math.min(wide, step - 0.5));
      const heights = new Map();
      const dots = scores.map((score) => {
        const bin = Math.round(100 * score);
        const height = heights.get(bin) ?? 0;
        heights.set(bin, height + 1);
        return `M${x(bin / 100).toFixed(1)} ${(base - size / 2 - 1 - step * height).toFixed(1)}h.01`;
      });
      element(group, "path", { class: "live-dots", d: dots.join(""), "stroke-width": size });
      const observed = x(measurement.observed[set]);
      element(group, "line", { class: "live-observed", x1: observed, x2: observed, y1: top + 38, y2: base });
      // On the side with more room.
      const anchor = observed > width / 2 ? "end" : "start";
      const shift = anchor === "end" ? 3 : -3;
      element(group, "text", { class: "live-mark", x: observed + shift, y: top + 33, "text-anchor": anchor },
        `true labels ${number(measurement.observed[set])}`);
    });
    for (let tenth = 4; tenth <= 10; tenth++) {
      element(svg, "text", { class: "live-tick", x: x(tenth / 10), y: base + 14, "text-anchor": "middle" }, (tenth / 10).toFixed(1));
    }
    const caption = "accuracy; each dot is one shuffle of the labels";
    element(svg, "text", { class: "live-tick", x: left, y: base + 31 }, caption);
  }

  const quantile = (sorted, share) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low] + (place - low) * (sorted[Math.ceil(place)] - sorted[low]);
  };

  /* Nulls as boxes and scores as lines over epochs, as in the paper's figures. */
  function drawEpochs(svg, measurements, { shares, epochs, ceiling, shown, choose }) {
    const [left, right, top, bottom] = [34, 92, 10, 38];
    const height = 320;
    const width = begin(svg, height);
    const inner = width - left - right;
    // Epoch 0 has a place of its own at the left of the logarithmic axis.
    const x = (epoch) => left + inner * (epoch === 0 ? 0.03 : 0.13 + 0.84 * (Math.log(epoch) / Math.log(Math.max(2, epochs))));
    const y = (score) => top + (1 - (clip(score) - LOW) / (1 - LOW)) * (height - top - bottom);
    const line = (name, value) => element(svg, "line", { class: name, x1: left, x2: left + inner, y1: y(value), y2: y(value) });
    for (let tenth = 4; tenth <= 10; tenth++) {
      line("live-grid", tenth / 10);
      element(svg, "text", { class: "live-tick", x: left - 6, y: y(tenth / 10) + 4, "text-anchor": "end" }, (tenth / 10).toFixed(1));
    }
    line("live-chance", 0.5);
    line("live-ceiling", ceiling);
    const ticks = [epochs, ...[1000, 100, 10, 1].filter((epoch) => epoch < epochs), 0];
    let free = Infinity; // right of here an epoch is written already
    for (const epoch of ticks) {
      const half = 4 * String(epoch).length; // half as wide as its digits, about
      if (x(epoch) + half + 6 > free) continue;
      free = x(epoch) - half;
      element(svg, "text", { class: "live-tick live-epoch", x: x(epoch), y: height - bottom + 16, "text-anchor": "middle" }, epoch);
    }
    element(svg, "text", { class: "live-tick", x: left + inner, y: height - 5, "text-anchor": "end" }, "epochs of training");
    const labels = [
      { text: "highest null", name: "live-tick", y: y(ceiling) },
      { text: "chance", name: "live-tick", y: y(0.5) },
    ];
    if (measurements.length > 0) {
      const last = measurements[measurements.length - 1];
      const chosen = measurements[shown];
      element(svg, "rect", { class: "live-chosen", x: x(chosen.epoch) - 9, width: 18, y: top, height: height - top - bottom });
      for (const set of shares.map((_, index) => index).reverse()) {
        const group = element(svg, "g", { class: `live-set-${set}` });
        measurements.forEach((one) => drawBox(group, x(one.epoch), one.nullScores[set], y, inner < 300 ? 4 : 6));
        drawLine(group, "live-observed", measurements.map((one) => [x(one.epoch), y(one.observed[set])]));
        labels.push({ text: `true, ${percent(shares[set])}`, name: `live-label-${set}`, y: y(last.observed[set]) });
      }
      const scores = last.nullScores[0];
      if (scores.length > 0) {
        const sorted = [...scores].sort((a, b) => a - b);
        labels.push({ text: `null, ${percent(shares[0])}`, name: "live-label-0", y: y(quantile(sorted, 0.5)) });
      }
      const validated = element(svg, "g", { class: "live-validation" });
      drawLine(validated, "live-observed", measurements.map((one) => [x(one.epoch), y(one.validation)]));
      labels.push({ text: "validation", name: "live-label-validation", y: y(last.validation) });
    }
    // Labels beside the ends of what they name, moved apart where they would overlap.
    labels.sort((a, b) => a.y - b.y);
    labels.forEach((label, i) => {
      label.at = Math.max(label.y, i ? labels[i - 1].at + 14 : top);
    });
    for (let i = labels.length - 1, floor = height - bottom + 4; i >= 0; i--, floor -= 14) {
      labels[i].at = Math.min(labels[i].at, floor);
      element(svg, "text", { class: `live-label ${labels[i].name}`, x: left + inner + 8, y: labels[i].at + 4 }, labels[i].text);
    }
    svg.onclick = (event) => {
      const at = event.clientX - svg.getBoundingClientRect().left;
      const far = measurements.map((one) => Math.abs(x(one.epoch) - at));
      if (far.length > 0) choose(far.indexOf(Math.min(...far)));
    };
  }

  function drawBox(group, x, scores, y, half) {
    if (scores.length === 0) return;
    const sorted = [...scores].sort((a, b) => a - b);
    const [low, first, middle, third, high] = [0, 0.25, 0.5, 0.75, 1].map((share) => y(quantile(sorted, share)));
    element(group, "line", { class: "live-whisker", x1: x, x2: x, y1: low, y2: high });
    element(group, "rect", { class: "live-box", x: x - half, width: 2 * half, y: third, height: Math.max(1, first - third) });
    element(group, "line", { class: "live-median", x1: x - half, x2: x + half, y1: middle, y2: middle });
  }

  function drawLine(group, name, points) {
    element(group, "polyline", { class: name, points: points.map((point) => point.join(",")).join(" ") });
    for (const [cx, cy] of points) element(group, "circle", { class: "live-point", cx, cy, r: 2.5 });
  }

  /* Some inputs as the network gets them: originals above, their perturbed copies below. */
  function drawImages(canvas, rows, side, [black, white]) {
    const gap = 1;
    const nImages = rows[0].length / side ** 2;
    [canvas.width, canvas.height] = [nImages * (side + gap) - gap, rows.length * (side + gap) - gap];
    const context = canvas.getContext("2d");
    rows.forEach((images, row) => {
      for (let i = 0; i < nImages; i++) {
        const picture = context.createImageData(side, side);
        for (let pixel = 0; pixel < side ** 2; pixel++) {
          const value = (images[i * side ** 2 + pixel] - black) / (white - black);
          picture.data.fill(255 * value, 4 * pixel, 4 * pixel + 3);
          picture.data[4 * pixel + 3] = 255;
        }
        context.putImageData(picture, i * (side + gap), row * (side + gap));
      }
    });
  }

  return { drawNull, drawEpochs, drawImages, number, percent };
})();
