/* What stored results say: accuracies from counts, summaries of a null, and both in words.
   The data are those of memlib/explorer.py; nothing here touches the page. */
"use strict";
(() => {
  const data = globalThis.memlibData.explorer;
  const curvesBefore = new Map();

  /** Accuracies by epoch of one panel, seed and perturbation; nulls are sorted. */
  function curves(view) {
    const key = [view.source, view.figure, view.panel, view.seed, view.perturbation].join();
    if (!curvesBefore.has(key)) curvesBefore.set(key, readCurves(panelOf(view), view));
    return curvesBefore.get(key);
  }

  function panelOf(view) {
    return sourceOf(view.source).figures[view.figure].panels[view.panel];
  }

  function sourceOf(key) {
    return data.sources.find((source) => source.key === key);
  }

  function readCurves(panel, view) {
    const [nEpochs, nStrengths, nDraws] = [
      panel.epoch.length, panel.perturbation.length, panel.n_permutations,
    ];
    const seed = panel.seed.indexOf(view.seed);
    const strength = panel.perturbation.indexOf(view.perturbation);
    const epochs = panel.epoch.map((_, epoch) => epoch);
    const bySet = (values, n) =>
      epochs.map((e) => values[(seed * nEpochs + e) * nStrengths + strength] / n);
    const byEpoch = (values, n) => epochs.map((e) => values[seed * nEpochs + e] / n);
    const nulls = epochs.map((e) => {
      let count = 0;
      const start = ((seed * nEpochs + e) * nStrengths + strength) * nDraws;
      return panel.null.slice(start, start + nDraws).map((step) => (count += step) / panel.n);
    });
    return {
      epochs: panel.epoch,
      nulls,
      mean: nulls.map((one) => one.reduce((sum, value) => sum + value, 0) / nDraws),
      quantiles: nulls.map((one) => [0, 0.25, 0.75, 1].map((share) => quantile(one, share))),
      observed: bySet(panel.observed, panel.n),
      chance: bySet(panel.chance, 1),
      pValue: bySet(panel.p_value, nDraws + 1),
      shareAtChance: bySet(panel.share_at_chance, nDraws + 1),
      verdict: bySet(panel.verdict, 1).map((code) => data.verdicts[code]),
      validation: byEpoch(panel.validation, panel.n_validation),
      networkTrain: byEpoch(panel.network_train, panel.n),
    };
  }

  /** Linear between the sorted values, as numpy.quantile. */
  function quantile(sorted, share) {
    const at = (sorted.length - 1) * share;
    const below = Math.floor(at);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  /** Index of the stored epoch that is nearest on a log scale. */
  function nearestEpoch(epochs, wanted) {
    const distance = (epoch) => Math.abs(Math.log(epoch / wanted));
    return epochs.reduce((best, epoch, i) => (distance(epoch) < distance(epochs[best]) ? i : best), 0);
  }

  const accuracy = (value) => value.toFixed(3);
  const pText = (value) => value.toPrecision(2);
  const whole = (value) => value.toLocaleString("en-US");
  const plural = (n, word) => `${whole(n)} ${word}${n === 1 ? "" : "s"}`;
  const sentence = (words) => words[0].toUpperCase() + words.slice(1);

  /** What one epoch shows: the verdict, and a sentence on each of its two halves. */
  function describe(one, e) {
    const nNull = one.nulls[e].length;
    const undecided = one.verdict[e] === "undecided";
    const says = (word) =>
      undecided ? "undecided" : one.verdict[e].split("_").includes(word) ? "yes" : "no";
    const nAbove = one.nulls[e].filter((value) => value > one.chance[e]).length;
    const nBelow = one.nulls[e].filter((value) => value < one.observed[e]).length;
    const [low, , , high] = one.quantiles[e];
    return {
      verdict: sentence(one.verdict[e].replaceAll("_", " ")),
      memorized: says("memorized"),
      memorizedWords:
        `${whole(nAbove)} of ${plural(nNull, "classifier")} of shuffled labels score above chance ` +
        `(${accuracy(one.chance[e])}): ${accuracy(one.mean[e])} on average, from ${accuracy(low)} ` +
        `to ${accuracy(high)}. The share at or below it: ` +
        `${pText(one.shareAtChance[e])}.`,
      learned: says("learned"),
      learnedWords:
        `True labels score ${accuracy(one.observed[e])}, above ${whole(nBelow)} of the ` +
        `${whole(nNull)}. p-value, if nothing were learned: ${pText(one.pValue[e])}.`,
      besides:
        `Independent images: ${accuracy(one.validation[e])}. The network itself names ` +
        `${(100 * one.networkTrain[e]).toFixed(1)} % of its training images.`,
    };
  }

  /** Which dataset a view shows, and how it was made. */
  function provenance(view) {
    const figure = sourceOf(view.source).figures[view.figure];
    const panel = panelOf(view);
    const short = figure.shortfalls.length
      ? ` Short of its scale: ${figure.shortfalls.join("; ")}.`
      : "";
    return {
      file: figure.file,
      words:
        `${sourceOf(view.source).label} (${sourceOf(view.source).expect}). ` +
        `${data.figures[view.figure].title}, ${panel.network}: ` +
        `${plural(panel.n, "training image")}${panel.inputs === "noise" ? " of pure noise" : ""}, ` +
        `seed ${view.seed}, ${plural(panel.n_permutations, "shuffle")} of the labels, ` +
        `${panel.classifier.replaceAll("_", " ")} of ${plural(panel.n_trees, "tree")}; ` +
        `made ${panel.created}, commit ${panel.commit}.${short}`,
    };
  }

  globalThis.memlibExplorer = {
    data, curves, panelOf, sourceOf, quantile, nearestEpoch, describe, provenance, whole, accuracy,
  };
})();
