"use strict";
/* The test in plain JavaScript: random numbers, a small network, its learned features, nearest
   neighbours, the null, p-values and verdict. Each part is what memlib does under the same name,
   and tests/test_live.py holds the two against each other.

   All of it lies inside one function, whose text also becomes the worker's program: a page opened
   from disk may not load a worker from a file. Matrices are Float32Array, row after row. */
function memlibCore() {
  /* ---- Random numbers: one named stream a purpose, as in memlib.seeds. ---- */

  // FNV-1a, 32 bits.
  function hashText(text) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    }
    return hash | 0;
  }

  // Doty-Humphrey's sfc32 (PractRand): 96 bits of state mixed by shifts and sums, and a counter.
  // A stream depends on the seed, its name and indices alone, never on what was drawn before.
  function stream(seed, purpose, ...indices) {
    const name = [seed, purpose, ...indices].join("/");
    let [a, b, c] = [0, 1, 2].map((word) => hashText(word + "/" + name));
    let counter = 1;
    function word() {
      const sum = (a + b + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + sum) | 0;
      return sum >>> 0;
    }
    for (let i = 0; i < 16; i++) word(); // until every bit of the name has touched every bit
    const uniform = () => word() / 4294967296; // in [0, 1)
    const below = (n) => Math.floor(uniform() * n);
    function normal() {
      // Box and Muller; 1 - u lies in (0, 1].
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      return radius * Math.cos(2 * Math.PI * uniform());
    }
    function permutation(n) {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = below(i + 1);
        const kept = order[i];
        order[i] = order[j];
        order[j] = kept;
      }
      return order;
    }
    return { word, uniform, below, normal, permutation };
  }

  /* ---- Inputs and s-validation sets ---- */

  function gaussianNoise(length, rng) {
    return Float32Array.from({ length }, () => rng.normal());
  }

  // As memlib.perturb.shuffle_pixels: the values of a random share of the pixels change places.
  function shufflePixels(images, nImages, nPixels, share, rng) {
    const nShuffled = Math.round(share * nPixels);
    const shuffled = images.slice();
    for (let i = 0; i < nImages; i++) {
      const source = rng.permutation(nPixels).subarray(0, nShuffled);
      const target = source.slice().sort();
      for (let j = 0; j < nShuffled; j++) {
        shuffled[i * nPixels + target[j]] = images[i * nPixels + source[j]];
      }
    }
    return shuffled;
  }

  /* ---- The network: dense layers, ReLU between them, one logit a class ---- */

  // `sizes` such as [196, 64, 16, 2]. Glorot's uniform weights, biases 0, as memlib.models.
  function buildNetwork(sizes, seed) {
    return sizes.slice(1).map((outputs, index) => {
      const inputs = sizes[index];
      const limit = Math.sqrt(6 / (inputs + outputs));
      const rng = stream(seed, "weights", index);
      const length = inputs * outputs;
      const weight = Float32Array.from({ length }, () => limit * (2 * rng.uniform() - 1));
      return { inputs, outputs, weight, bias: new Float32Array(outputs) };
    });
  }

  function dense(layer, input, nRows, relu) {
    const { inputs, outputs, weight, bias } = layer;
    const output = new Float32Array(nRows * outputs);
    const whole = inputs - (inputs % 4);
    for (let i = 0; i < nRows; i++) {
      const x = i * inputs;
      for (let j = 0; j < outputs; j++) {
        const w = j * inputs;
        // Four sums at a time: none waits for another.
        let s0 = bias[j];
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        let k = 0;
        for (; k < whole; k += 4) {
          s0 += weight[w + k] * input[x + k];
          s1 += weight[w + k + 1] * input[x + k + 1];
          s2 += weight[w + k + 2] * input[x + k + 2];
          s3 += weight[w + k + 3] * input[x + k + 3];
        }
        for (; k < inputs; k++) s0 += weight[w + k] * input[x + k];
        const sum = s0 + s1 + (s2 + s3);
        output[i * outputs + j] = relu && sum < 0 ? 0 : sum;
      }
    }
    return output;
  }

  // Dropout in place: a share `rate` becomes 0, the rest is scaled up. Returns the scale.
  function drop(values, rate, rng) {
    const scale = 1 / (1 - rate);
    for (let i = 0; i < values.length; i++) {
      values[i] = rng.uniform() < rate ? 0 : values[i] * scale;
    }
    return scale;
  }

  // One step of stochastic gradient descent on a mini-batch, in place; returns its mean loss.
  // Binary cross-entropy, mean over samples and outputs, as memlib.steps. `rates` are the dropout
  // rates after each hidden layer, 0 for none.
  function trainStep(network, batch, labels, learningRate, rates, rng) {
    const nRows = labels.length;
    const last = network.length - 1;
    const inputs = [batch];
    const scales = [1];
    for (let depth = 0; depth < last; depth++) {
      const hidden = dense(network[depth], inputs[depth], nRows, true);
      scales.push(rates[depth] > 0 ? drop(hidden, rates[depth], rng) : 1);
      inputs.push(hidden);
    }
    const logits = dense(network[last], inputs[last], nRows, false);
    const nOutputs = network[last].outputs;
    let delta = new Float32Array(logits.length);
    let loss = 0;
    for (let i = 0; i < logits.length; i++) {
      const z = logits[i];
      const target = labels[Math.floor(i / nOutputs)] === i % nOutputs ? 1 : 0;
      loss += Math.max(z, 0) - z * target + Math.log1p(Math.exp(-Math.abs(z)));
      delta[i] = (1 / (1 + Math.exp(-z)) - target) / logits.length;
    }
    for (let depth = last; depth >= 0; depth--) {
      delta = backward(network[depth], inputs[depth], delta, nRows, learningRate, scales[depth], depth > 0);
    }
    return loss / logits.length;
  }

  // Gradient of one layer, its update, and the gradient of its input (when wanted).
  function backward(layer, input, delta, nRows, learningRate, scale, wanted) {
    const { inputs, outputs, weight, bias } = layer;
    const below = wanted ? new Float32Array(nRows * inputs) : null;
    const gradient = new Float32Array(inputs);
    for (let j = 0; j < outputs; j++) {
      const w = j * inputs;
      gradient.fill(0);
      let sum = 0;
      for (let i = 0; i < nRows; i++) {
        const d = delta[i * outputs + j];
        if (d === 0) continue; // where ReLU or dropout stopped it
        sum += d;
        const x = i * inputs;
        for (let k = 0; k < inputs; k++) gradient[k] += d * input[x + k];
        if (wanted) for (let k = 0; k < inputs; k++) below[x + k] += d * weight[w + k];
      }
      for (let k = 0; k < inputs; k++) weight[w + k] -= learningRate * gradient[k];
      bias[j] -= learningRate * sum;
    }
    if (wanted) {
      for (let i = 0; i < below.length; i++) below[i] = input[i] > 0 ? below[i] * scale : 0;
    }
    return below;
  }

  function trainEpoch(network, images, labels, { learningRate, rates, batchSize }, order, rng) {
    const nPixels = network[0].inputs;
    let total = 0;
    for (let start = 0; start < order.length; start += batchSize) {
      const rows = order.subarray(start, start + batchSize);
      const batch = new Float32Array(rows.length * nPixels);
      rows.forEach((row, i) => {
        batch.set(images.subarray(row * nPixels, (row + 1) * nPixels), i * nPixels);
      });
      const batchLabels = rows.map((row) => labels[row]);
      total += rows.length * trainStep(network, batch, batchLabels, learningRate, rates, rng);
    }
    return total / order.length;
  }

  // What the last hidden layer gives for each image, dropout off.
  function learnedFeatures(network, images) {
    const nRows = images.length / network[0].inputs;
    return network.slice(0, -1).reduce((x, layer) => dense(layer, x, nRows, true), images);
  }

  // Share of the labels that the network itself names right from its learned features.
  function networkAccuracy(network, features, labels) {
    const output = network[network.length - 1];
    const logits = dense(output, features, labels.length, false);
    let right = 0;
    labels.forEach((label, i) => {
      const row = Array.from(logits.subarray(i * output.outputs, (i + 1) * output.outputs));
      right += row.indexOf(Math.max(...row)) === label;
    });
    return right / labels.length;
  }

  /* ---- The shallow classifier: nearest neighbours, as memlib.smoothers ---- */

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

  /* ---- Algorithm 1 (section 5 of the paper), as memlib.null ---- */

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
    const order = stream(seed, "permutation", epoch, permutation).permutation(labels.length);
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

  // (C + 1) / (B + 1), with C the null scores not above the chance level.
  function memorizationPValue(nullScores, chance) {
    return (nullScores.filter((score) => score <= chance).length + 1) / (nullScores.length + 1);
  }

  // Code into memlib.null.VERDICTS: 1 memorized, 2 learned, 3 both, 0 neither, 4 undecided.
  function decideVerdict(pValue, memorization, nPermutations, significance) {
    if (1 / (nPermutations + 1) > significance) return 4;
    return (memorization <= significance ? 1 : 0) + (pValue <= significance ? 2 : 0);
  }

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  // The answer for one set: `chances` holds one chance level a permutation.
  function concludeSet(nullScores, observed, chances, significance) {
    const chance = mean(chances);
    const pValue = permutationPValue(nullScores, observed);
    const memorization = memorizationPValue(nullScores, chance);
    const verdict = decideVerdict(pValue, memorization, nullScores.length, significance);
    return { chance, pValue, memorization, verdict, nullMean: mean(nullScores) };
  }

  // Epochs at which the test is made: evenly spaced on a logarithmic axis, first and last among them.
  function measuredEpochs(epochs, count) {
    const grid = Array.from({ length: count }, (_, i) => Math.round(epochs ** (i / (count - 1))));
    return [...new Set(grid)];
  }

  return {
    stream, gaussianNoise, shufflePixels, buildNetwork, trainStep, trainEpoch, learnedFeatures,
    networkAccuracy, findNeighbours, predict, accuracy, twinShare, chanceAccuracy, shuffledLabels,
    scoreLabelling, permutationPValue, memorizationPValue, decideVerdict, concludeSet,
    measuredEpochs,
  };
}
