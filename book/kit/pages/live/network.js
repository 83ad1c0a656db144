"use strict";
/* A small network as in memlib.training.networks and memlib.training.steps: dense layers, ReLU between them, one logit
   a class; trained by stochastic gradient descent. */
function memlibNetwork(random) {
  // `sizes` such as [196, 64, 16, 2]. Glorot's uniform weights, biases 0, as memlib.training.networks.
  function buildNetwork(sizes, seed) {
    return sizes.slice(1).map((outputs, index) => {
      const inputs = sizes[index];
      const limit = Math.sqrt(6 / (inputs + outputs));
      const rng = random.stream(seed, "weights", index);
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
  // Binary cross-entropy, mean over samples and outputs, as memlib.training.steps. `rates` are the dropout
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

  return { buildNetwork, trainStep, trainEpoch, learnedFeatures, networkAccuracy };
}
