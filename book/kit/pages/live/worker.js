"use strict";

function memlibCore() {
  const random = memlibRandom();
  return { ...random, ...memlibNetwork(random), ...memlibNull(random) };
}

/* One run from first weights to last null, told step by step. The page runs this in a worker, so
   that it stays alive meanwhile; to stop a run it ends the worker. */
function memlibWorker(core) {
  const BATCH_SIZE = 32;
  const MEASURED = 12; // epochs after training began at which the test is made
  const NULL_STEPS = 30; // pictures of a null while it fills

  const now = () => performance.now() / 1000; // seconds
  const pause = (seconds) => new Promise((resume) => setTimeout(resume, 1000 * seconds));

  function prepareInputs({ inputs, seed }, { train, validation }) {
    if (inputs === "noise") {
      return [train, validation].map((pixels, part) =>
        core.gaussianNoise(pixels.length, core.stream(seed, "input_noise", part)));
    }
    return [train, validation].map((pixels) => Float32Array.from(pixels, (grey) => grey / 255));
  }

  // The same for the first images alone as for all of them.
  function perturb({ seed }, images, nPixels, share) {
    const rng = core.stream(seed, "perturbation shuffle", Math.round(share * 1e6));
    return core.shufflePixels(images, images.length / nPixels, nPixels, share, rng);
  }

  async function run(settings, data, tell) {
    const { seed, epochs, permutations, learningRate, shares, pace } = settings;
    const { labels, validationLabels, nNeighbours, significance } = data;
    const nPixels = data.train.length / labels.length;
    const [images, validationImages] = prepareInputs(settings, data);
    const sets = shares.map((share) => perturb(settings, images, nPixels, share));
    const network = core.buildNetwork([nPixels, ...settings.hidden, 2], seed);
    const training = { learningRate, rates: settings.rates, batchSize: BATCH_SIZE };
    const nFeatures = settings.hidden[settings.hidden.length - 1];
    const grid = [0, ...core.measuredEpochs(epochs, MEASURED)]; // 0: before any training
    let [trained, measuring, nMeasured, told] = [0, 0, 0, 0]; // seconds, seconds, count, time

    function tellProgress(epoch) {
      const perMeasurement = nMeasured ? measuring / nMeasured : pace + 0.1;
      const perEpoch = epoch ? trained / epoch : 0.02;
      const left = perEpoch * (epochs - epoch) + perMeasurement * (grid.length - nMeasured);
      const share = (trained + measuring) / (trained + measuring + left);
      tell({ type: "progress", epoch, left, share });
    }

    async function measure(epoch) {
      const features = core.learnedFeatures(network, images);
      const search = (rows) =>
        core.findNeighbours(features, core.learnedFeatures(network, rows), nFeatures, nNeighbours);
      const neighbours = sets.map(search);
      const observed = core.scoreLabelling(neighbours, nNeighbours, labels);
      const validated = core.predict(search(validationImages), nNeighbours, labels);
      tell({
        type: "measure",
        epoch,
        observed: observed.map((score) => score.accuracy),
        twins: neighbours.map((one) => core.twinShare(one, nNeighbours)),
        validation: core.accuracy(validated, validationLabels),
        training: core.networkAccuracy(network, features, labels),
      });
      const nullScores = sets.map(() => []);
      const chances = sets.map(() => []);
      const size = Math.ceil(permutations / NULL_STEPS);
      for (let b = 1; b <= permutations; b++) {
        const shuffled = core.shuffledLabels(labels, seed, epoch, b);
        core.scoreLabelling(neighbours, nNeighbours, shuffled).forEach((score, set) => {
          nullScores[set].push(score.accuracy);
          chances[set].push(score.chance);
        });
        if (b % size === 0 || b === permutations) {
          tell({ type: "null", epoch, nullScores: nullScores.map((one) => one.slice()) });
          // The scores take a few milliseconds: slowed down, so that the null is seen to fill.
          if (pace > 0) await pause((pace * size) / permutations);
        }
      }
      const answers = sets.map((_, set) =>
        core.concludeSet(nullScores[set], observed[set].accuracy, chances[set], significance));
      tell({ type: "answer", epoch, answers });
    }

    for (let epoch = 0; epoch <= epochs; epoch++) {
      let start = now();
      if (epoch > 0) {
        const order = core.stream(seed, "batches", epoch).permutation(labels.length);
        const rng = core.stream(seed, "dropout", epoch);
        core.trainEpoch(network, images, labels, training, order, rng);
        trained += now() - start;
      }
      if (grid.includes(epoch)) {
        start = now();
        await measure(epoch);
        measuring += now() - start;
        nMeasured += 1;
        tellProgress(epoch);
      } else if (now() - told > 0.1) {
        told = now();
        tellProgress(epoch);
      }
    }
    tell({ type: "done" });
  }

  return { run, prepareInputs, perturb };
}

// A worker's program has to be a file or such an address, and from disk a file is refused.
function memlibWorkerAddress() {
  const parts = [memlibRandom, memlibNetwork, memlibNull, memlibCore, memlibWorker];
  const program = `"use strict"; ${parts.join("\n")}
    onmessage = ({ data: { settings, data } }) => memlibWorker(memlibCore())
      .run(settings, data, (told) => postMessage(told))
      .catch((error) => postMessage({ type: "failed", text: String(error) }));`;
  return URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
}
