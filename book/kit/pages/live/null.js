"use strict";
/* The shallow classifier, the null of Algorithm 1, p-values and verdict, as in memlib.method.fast.smoothers and
   memlib.method.null. */
function memlibNull(random) {
  /* ---- The shallow classifier: nearest neighbours, as memlib.method.fast.smoothers ---- */

  // Rows of `train` nearest to each row of `rows` (Euclidean), nearest first; of equally far
  // ones the first. The neighbours depend on the features alone: every labelling shares them.
  function findNeighbours(train, rows, nFeatures, nNeighbours) {
    const nTrain = train.length / nFeatures;
    const nRows = rows.length / nFeatures;
    const found = new Int32Array(nRows * nNeighbours);
    const far = new Float64Array(nNeighbours);
    const who = new Int32Array(nNeighbours);
    for (let i = 0; i < nRows; i++) {
      far.fill(Infinity);
      for (let t = 0; t < nTrain; t++) {
        let distance = 0;
        for (let k = 0; k < nFeatures; k++) {
          const difference = rows[i * nFeatures + k] - train[t * nFeatures + k];
          distance += difference * difference;
        }
        let place = nNeighbours - 1;
        if (distance >= far[place]) continue;
        for (; place > 0 && far[place - 1] > distance; place--) {
          far[place] = far[place - 1];
          who[place] = who[place - 1];
        }
        far[place] = distance;
        who[place] = t;
      }
      found.set(who, i * nNeighbours);
    }
    return found;
  }

  // Predicted labels, 0 or 1, by one vote each; a tie goes to 0.
  function predict(neighbours, nNeighbours, labels) {
    const predicted = new Uint8Array(neighbours.length / nNeighbours);
    for (let i = 0; i < predicted.length; i++) {
      let votes = 0;
      for (let k = 0; k < nNeighbours; k++) votes += 2 * labels[neighbours[i * nNeighbours + k]] - 1;
      predicted[i] = votes > 0 ? 1 : 0;
    }
    return predicted;
  }

  function accuracy(predicted, labels) {
    let right = 0;
    for (let i = 0; i < labels.length; i++) right += predicted[i] === labels[i];
    return right / labels.length;
  }

  // Share of the rows whose own original is among their neighbours: all that the null depends on.
  function twinShare(neighbours, nNeighbours) {
    const n = neighbours.length / nNeighbours;
    let found = 0;
    for (let i = 0; i < n; i++) {
      found += neighbours.subarray(i * nNeighbours, (i + 1) * nNeighbours).includes(i);
    }
    return found / n;
  }

  /* ---- Algorithm 1 (section 5 of the paper), as memlib.method.null ---- */

  // Accuracy expected when labels and predictions are paired at random: sum over k of p_k q_k.
  function chanceAccuracy(labels, predicted) {
    const n = labels.length;
    let [ones, named] = [0, 0];
    for (let i = 0; i < n; i++) {
      ones += labels[i];
      named += predicted[i];
    }
    return (ones * named + (n - ones) * (n - named)) / (n * n);
  }

  function shuffledLabels(labels, seed, epoch, permutation) {
    const order = random.stream(seed, "permutation", epoch, permutation).permutation(labels.length);
    return labels.map((_, i) => labels[order[i]]);
  }

  // One labelling scored on every set against the labels it was fitted on.
  function scoreLabelling(neighboursOfSets, nNeighbours, labels) {
    return neighboursOfSets.map((neighbours) => {
      const predicted = predict(neighbours, nNeighbours, labels);
      return { accuracy: accuracy(predicted, labels), chance: chanceAccuracy(labels, predicted) };
    });
  }

  // (C + 1) / (B + 1), with C the null scores not below the observed one.
  function permutationPValue(nullScores, observed) {
    return (nullScores.filter((score) => score >= observed).length + 1) / (nullScores.length + 1);
  }

  // (C + 1) / (B + 1), with C the null scores not above the chance level that each has of its own,
  // but for rounding.
  function shareAtChance(nullScores, chances) {
    const low = nullScores.filter((score, b) => score <= chances[b] + 1e-9).length;
    return (low + 1) / (nullScores.length + 1);
  }

  // Code into memlib.method.null.VERDICTS: 1 memorized, 2 learned, 3 both, 0 neither, 4 undecided.
  function decideVerdict(pValue, memorization, nPermutations, significance) {
    if (1 / (nPermutations + 1) > significance) return 4;
    return (memorization <= significance ? 1 : 0) + (pValue <= significance ? 2 : 0);
  }

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  // The answer for one set: `chances` holds one chance level a permutation; their mean is for show.
  function concludeSet(nullScores, observed, chances, significance) {
    const pValue = permutationPValue(nullScores, observed);
    const memorization = shareAtChance(nullScores, chances);
    const verdict = decideVerdict(pValue, memorization, nullScores.length, significance);
    return { chance: mean(chances), pValue, memorization, verdict, nullMean: mean(nullScores) };
  }

  // Epochs at which the test is made: evenly spaced on a logarithmic axis, first and last among them.
  function measuredEpochs(epochs, count) {
    const grid = Array.from({ length: count }, (_, i) => Math.round(epochs ** (i / (count - 1))));
    return [...new Set(grid)];
  }

  return {
    findNeighbours, predict, accuracy, twinShare, chanceAccuracy, shuffledLabels, scoreLabelling,
    concludeSet, measuredEpochs,
  };
}
