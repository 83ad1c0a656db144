"use strict";
/* What the page says of a run, in words. */
const memlibWords = (() => {
  const UNDECIDED = "undecided";
  const { number, percent } = memlibDraw;
  const nImages = atob(memlibData.live.labels).length;

  const verdictName = (code) => memlibData.live.verdicts[code].replaceAll("_", " ");
  const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;
  const pValue = (value) => `p\u00a0=\u00a0${value.toFixed(value < 0.1 ? 3 : 2)}`;

  /* Title and two sentences on one measured epoch: memorized? learned? */
  function describe(one, { permutations }) {
    const scores = one.nullScores[0];
    if (!one.answers) {
      const sofar = `${scores.length} of ${permutations} shuffled labellings scored.`;
      return [`Epoch ${one.epoch}: the null fills`, sofar, ""];
    }
    const answer = one.answers[0];
    const verdict = verdictName(answer.verdict);
    const reached = scores.filter((score) => score >= one.observed[0]).length;
    const decide = (p) => {
      if (verdict === UNDECIDED) return UNDECIDED;
      return p <= memlibData.live.significance ? "yes" : "no";
    };
    return [
      `Epoch ${one.epoch}: ${verdict}`,
      `Memorized: ${decide(answer.memorization)}. ` +
        `${plural(permutations, "shuffled labelling scores", "shuffled labellings score")} ` +
        `${number(answer.nullMean)} on average; chance is ${number(answer.chance)} ` +
        `(${pValue(answer.memorization)}). ${Math.round(one.twins[0] * nImages)} of ${nImages} ` +
        `perturbed images find their own original among their ${memlibData.live.nNeighbours} nearest ` +
        "training images.",
      `Learned: ${decide(answer.pValue)}. The true labels score ${number(one.observed[0])}; ` +
        `${reached} of ${permutations} shuffled labellings ${reached === 1 ? "reaches" : "reach"} ` +
        `that (${pValue(answer.pValue)}). The network itself names ${percent(one.training)} of its ` +
        `training images right; on new images the classifier scores ${number(one.validation)}.`,
    ];
  }

  /* What dropout did: the last of `finished` runs against the latest one that differs in nothing else. */
  function compare(finished) {
    const now = finished[finished.length - 1];
    const rest = ({ dropout, ...others }) => JSON.stringify(others);
    const before = finished.slice(0, -1).reverse().find((one) =>
      rest(one.chosen) === rest(now.chosen) && one.chosen.dropout !== now.chosen.dropout);
    if (!before) return "";
    const [more, less] = [now, before].sort((a, b) => b.chosen.dropout - a.chosen.dropout);
    const change = more.answer.nullMean - less.answer.nullMean;
    const effect = Math.abs(change) < 0.005 ? "about the same" : change < 0 ? "lower" : "higher";
    return `With dropout ${more.chosen.dropout} the mean null is ${effect}: ` +
      `${number(more.answer.nullMean)}, and ${number(less.answer.nullMean)} with ` +
      `${less.chosen.dropout || "none"}. ${percent(more.last.twins[0])} of the images find their ` +
      `original, and ${percent(less.last.twins[0])} with ${less.chosen.dropout || "none"}.`;
  }

  /* One row of the table of finished runs. */
  function cells({ chosen, hidden, last, answer }, index) {
    return [
      index, chosen.inputs, hidden.join("-"), chosen.dropout || "none", chosen.learningRate,
      chosen.epochs, chosen.seed, percent(chosen.share), number(answer.nullMean),
      percent(last.twins[0]), number(last.observed[0]), number(last.validation),
      verdictName(answer.verdict),
    ];
  }

  function describeEpochs(measurements) {
    const done = measurements.filter((one) => one.answers);
    if (done.length === 0) return "Accuracies over epochs: empty until a run is started.";
    return "Accuracies over epochs. " + done.map((one) =>
      `Epoch ${one.epoch}: null ${number(one.answers[0].nullMean)}, true labels ` +
      `${number(one.observed[0])}, validation ${number(one.validation)}.`).join(" ");
  }

  return { verdictName, describe, compare, cells, describeEpochs };
})();
