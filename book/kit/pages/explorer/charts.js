/* The explorer's two drawings, as SVG text: a null with the observed score, and all epochs. */
"use strict";
(() => {
  const explorer = globalThis.memlibExplorer;
  const dotSize = (n) => (n > 40 ? 6 : 9); // pixels from dot to dot
  const round = (value) => Math.round(value * 10) / 10;

  function line(x1, y1, x2, y2, kind) {
    return `<line class="${kind}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
  }

  function label(x, y, words, anchor = "middle", kind = "") {
    return `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${words}</text>`;
  }

  function svg(width, height, says, content) {
    const words = says.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    return (
      `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" ` +
      `aria-label="${words}">${content}</svg>`
    );
  }

  /** Accuracies from which and to which both drawings run, the same for all views side by side. */
  function limits(all) {
    const lowest = Math.min(
      ...all.flatMap((one) => [
        ...one.nulls.map((null_) => null_[0]), ...one.observed, ...one.chance, ...one.validation,
      ])
    );
    return [Math.min(0.45, Math.floor((lowest - 0.01) * 20) / 20), 1];
  }

  function ticks([low, high]) {
    const step = high - low > 0.35 ? 10 : 20; // of a hundred or of fifty
    const first = Math.ceil(low * step - 1e-9);
    const last = Math.floor(high * step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => (first + i) / step);
  }

  /** One epoch: a dot for each score of shuffled labels, lines for chance and the true labels. */
  function drawNull(one, e, [low, high], width) {
    const [height, left, right, top, base] = [210, 14, 14, 44, 168];
    const span = width - left - right;
    const x = (value) => left + ((value - low) / (high - low)) * span;
    const size = dotSize(one.nulls[e].length);
    const nBins = Math.floor(span / size);
    const binOf = (value) => Math.min(nBins - 1, Math.floor(((x(value) - left) / span) * nBins));
    const stack = (values) => {
      const heights = new Map();
      return values.map((value) => {
        const bin = binOf(value);
        heights.set(bin, (heights.get(bin) ?? 0) + 1);
        return [bin, heights.get(bin)];
      });
    };
    // Dots sit as close as the highest pile of any epoch needs, so that they keep their size.
    one.highest ??= new Map();
    if (!one.highest.has(nBins + low)) {
      const tallest = Math.max(...one.nulls.flatMap((null_) => stack(null_).map(([, at]) => at)));
      one.highest.set(nBins + low, tallest);
    }
    const up = Math.min(size, (base - top) / one.highest.get(nBins + low));
    const dots = stack(one.nulls[e]).map(
      ([bin, at]) =>
        `<circle class="null-dot" cx="${round(left + ((bin + 0.5) * span) / nBins)}" ` +
        `cy="${round(base - (at - 0.5) * up)}" r="${size / 2 - 0.4}"/>`
    );
    const [observed, chance] = [one.observed[e], one.chance[e]];
    const beside = (value) => (x(value) > left + span / 2 ? ["end", -5] : ["start", 5]);
    const [trueAnchor, trueShift] = beside(observed);
    const [chanceAnchor, chanceShift] = x(chance) < left + span / 4 ? ["start", 5] : beside(chance);
    const axis = ticks([low, high]).map(
      (value) =>
        line(x(value), base, x(value), base + 5, "axis") +
        label(x(value), base + 19, value.toFixed(high - low > 0.35 ? 1 : 2), "middle", "tick-x")
    );
    const content =
      line(left, base, width - right, base, "axis") +
      axis.join("") +
      label(left + span / 2, height - 6, "accuracy on the s-validation set") +
      line(x(chance), 22, x(chance), base, "chance") +
      dots.join("") +
      line(x(observed), 4, x(observed), base, "observed") +
      label(x(observed) + trueShift, 14, `true labels ${explorer.accuracy(observed)}`, trueAnchor) +
      label(x(chance) + chanceShift, 32, `chance ${explorer.accuracy(chance)}`, chanceAnchor);
    const words = explorer.describe(one, e);
    return svg(
      width, height,
      `Scores at epoch ${explorer.whole(one.epochs[e])}. ${words.memorizedWords} ${words.learnedWords}`,
      content
    );
  }

  const FRAME = { height: 302, left: 76, right: 12, top: 24, base: 217 };

  function epochScale(epochs, width) {
    const { left, right } = FRAME;
    const [first, last] = [Math.log(epochs[0]), Math.log(epochs.at(-1))];
    const room = width - left - right - 12;
    return (epoch) =>
      left + 6 + (last > first ? ((Math.log(epoch) - first) / (last - first)) * room : room / 2);
  }

  /** All epochs: the null as bands and mean, observed and validation as lines, a cursor. */
  function drawEpochs(one, e, [low, high], width) {
    const { height, left, right, top, base } = FRAME;
    const x = epochScale(one.epochs, width);
    const y = (value) => base - ((value - low) / (high - low)) * (base - top);
    const points = (values) => values.map((value, i) => `${round(x(one.epochs[i]))},${round(y(value))}`);
    const path = (values, kind) =>
      `<polyline class="${kind}" points="${points(values).join(" ")}"/>` +
      `<circle class="${kind}-point" cx="${round(x(one.epochs[e]))}" cy="${round(y(values[e]))}" r="4"/>`;
    const band = (from, to, kind) => {
      const [lower, upper] = [from, to].map((k) => points(one.quantiles.map((q) => q[k])));
      return `<polygon class="${kind}" points="${[...lower, ...upper.reverse()].join(" ")}"/>`;
    };
    const rows = [["memorized", base + 22], ["learned", base + 40]].map(
      ([word, at]) =>
        label(left - 8, at + 4, word, "end") +
        one.verdict
          .map((verdict, i) => {
            const cx = round(x(one.epochs[i]));
            if (verdict === "undecided") return line(cx - 3, at, cx + 3, at, "axis");
            const yes = verdict.split("_").includes(word);
            return `<circle class="${yes ? "yes" : "no"}" data-row="${word}" cx="${cx}" cy="${at}" r="3.6"/>`;
          })
          .join("")
    );
    const grid = ticks([low, high]).map(
      (value) =>
        line(left, y(value), width - right, y(value), "grid") +
        label(left - 8, y(value) + 4, value.toFixed(high - low > 0.35 ? 1 : 2), "end", "tick-y")
    );
    const cursor = x(one.epochs[e]);
    const content =
      grid.join("") +
      label(left - 8, 10, "accuracy", "end") +
      line(cursor, top, cursor, base + 46, "cursor") +
      band(0, 3, "null-range") +
      band(1, 2, "null-quartiles") +
      `<polyline class="chance" points="${points(one.chance).join(" ")}"/>` +
      path(one.mean, "null-mean") +
      path(one.validation, "validation") +
      path(one.observed, "observed") +
      rows.join("") +
      epochLabels(one.epochs, x, width, base + 62) +
      label((left + width - right) / 2, height - 6, "training epoch (log scale)");
    return svg(width, height, summary(one), content);
  }

  /** Powers of ten that have room, or the first and last epoch where there are fewer than two. */
  function epochLabels(epochs, x, width, at) {
    const [first, last] = [epochs[0], epochs.at(-1)];
    const powers = [1, 10, 100, 1000, 10000, 100000, 1000000].filter((p) => p >= first && p <= last);
    const shown = powers.length > 1 ? powers : [...new Set([first, last])];
    let free = Infinity; // right of here a label is written already
    return shown
      .toReversed()
      .map((epoch) => {
        const words = explorer.whole(epoch);
        const half = 3.5 * words.length; // half as wide as the words, about
        const middle = Math.min(x(epoch), width - half);
        if (middle + half + 6 > free) return "";
        free = middle - half;
        return label(middle, at, words, "middle", "tick-epoch");
      })
      .join("");
  }

  function summary(one) {
    const [low, high] = [Math.min(...one.mean), Math.max(...one.mean)];
    const last = one.epochs.length - 1;
    return (
      `From epoch ${explorer.whole(one.epochs[0])} to ${explorer.whole(one.epochs[last])}: the null's ` +
      `mean lies between ${explorer.accuracy(low)} and ${explorer.accuracy(high)}; true labels end at ` +
      `${explorer.accuracy(one.observed[last])}, validation at ${explorer.accuracy(one.validation[last])}.`
    );
  }

  /** Index of the epoch drawn nearest to a horizontal place. */
  function epochAt(epochs, width, place) {
    const x = epochScale(epochs, width);
    const distance = (i) => Math.abs(x(epochs[i]) - place);
    return epochs.reduce((best, _, i) => (distance(i) < distance(best) ? i : best), 0);
  }

  Object.assign(explorer, { limits, drawNull, drawEpochs, epochAt });
})();
