"use strict";
/* Random numbers, noise and s-validation sets: one named stream a purpose, as in memlib.base.seeds.

   The page's computations are a few functions whose text also becomes the worker's program, for a
   page opened from disk may not load a worker from a file. Each part does what memlib does under
   the same name, and tests/test_live_training.py and test_live_null.py hold the two against each
   other. Matrices are Float32Array, row after row. */
function memlibRandom() {
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

  function gaussianNoise(length, rng) {
    return Float32Array.from({ length }, () => rng.normal());
  }

  // As memlib.method.perturb.shuffle_pixels: the values of a random share of the pixels change places.
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

  return { stream, gaussianNoise, shufflePixels };
}
