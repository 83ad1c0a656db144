"use strict";
/* The page "The test, live": reads the controls, runs the worker, shows what it tells. */
(() => {
  const { drawNull, drawEpochs, drawImages, percent } = memlibDraw;
  const { verdictName, describe, compare, cells, describeEpochs } = memlibWords;
  const { prepareInputs, perturb } = memlibWorker(memlibCore()); // for the small pictures
  const N_SHOWN = 8;
  const byId = (id) => document.getElementById(id);
  const form = byId("live-form");
  const controls = ["inputs", "hidden", "features", "dropout", "learningRate", "epochs", "share", "permutations", "seed"];
  const common = { hidden: 64, features: 16, learningRate: 0.05, epochs: 300, share: 0.05, permutations: 100 };
  const presets = {
    images: { ...common, inputs: "images", dropout: 0 },
    noise: { ...common, inputs: "noise", dropout: 0 },
    dropout: { ...common, inputs: "noise", dropout: 0.5 },
  };
  const atFirst = { ...presets.images, seed: 0 };
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  let worker = null;
  let address = null; // of the worker's program
  let waiting = []; // presets still to be run
  let settings = null; // of the run shown
  let measurements = []; // of the run shown
  let shown = 0; // index of the measurement shown
  let following = true; // whether the newest measurement is the one shown
  let drawing = false; // whether a drawing is asked for
  let said = ""; // last verdict told to a screen reader
  const finished = []; // for the table

  /* ---- Controls ---- */

  const readControls = () => Object.fromEntries(controls.map((name) => {
    const value = form.elements[name].value;
    return [name, name === "inputs" ? value : Number(value)];
  }));

  function setControls(values) {
    for (const name of controls) {
      if (name in values) form.elements[name].value = values[name];
    }
    showControls();
  }

  function showControls() {
    markPreset();
    if (!form.checkValidity()) return; // a number half typed
    drawInputs();
    if (!settings) draw(); // the empty pictures: their labels are those of the settings
  }

  function markPreset() {
    const now = readControls();
    for (const button of document.querySelectorAll("[data-preset]")) {
      const preset = presets[button.dataset.preset];
      const same = Object.keys(preset).every((name) => preset[name] === now[name]);
      button.setAttribute("aria-pressed", same);
    }
  }

  // A link to the page may carry settings: live.html#inputs=noise&dropout=0.5
  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const name of controls) {
      if (!given.has(name)) continue;
      const control = form.elements[name];
      const before = control.value;
      control.value = given.get(name);
      if (control.value === "" || !control.checkValidity()) control.value = before;
    }
    showControls();
  }

  /* ---- Runs ---- */

  function unpack(text) {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  function start() {
    if (!form.reportValidity()) return;
    stopWorker();
    const chosen = readControls();
    const hidden = chosen.hidden > 0 ? [chosen.hidden, chosen.features] : [chosen.features];
    // As in the paper's panel d: half as much dropout after the first hidden layer.
    const rates = hidden.map((_, i) => (i === hidden.length - 1 ? chosen.dropout : chosen.dropout / 2));
    settings = { ...chosen, hidden, rates, shares: [chosen.share, 1], pace: still.matches ? 0 : 0.6, chosen };
    [measurements, shown, following, said] = [[], 0, true, ""];
    history.replaceState(null, "", `#${new URLSearchParams(chosen)}`);
    byId("live-compare").textContent = "";
    const { nNeighbours, significance } = memlibData.live;
    const arrays = ["train", "labels", "validation", "validationLabels"];
    const unpacked = Object.fromEntries(arrays.map((name) => [name, unpack(memlibData.live[name])]));
    try {
      address ??= memlibWorkerAddress();
      worker = new Worker(address);
    } catch (error) {
      failed(String(error));
      return;
    }
    worker.onmessage = ({ data: told }) => hear(told);
    worker.onerror = (event) => failed(event.message ?? "no worker");
    worker.postMessage({ settings, data: { nNeighbours, significance, ...unpacked } });
    setRunning(true);
    say(`Training on ${chosen.inputs} for ${chosen.epochs} epochs.`);
    showProgress(0, "begins");
    draw();
  }

  function stopWorker() {
    if (!worker) return;
    worker.onmessage = null;
    worker.terminate();
    worker = null;
  }

  function setRunning(running) {
    const stopButton = byId("live-stop");
    // A button that is switched off would take the keyboard's place on the page with it.
    if (!running && document.activeElement === stopButton) byId("live-run").focus();
    stopButton.disabled = !running;
  }

  function hear(told) {
    const last = measurements[measurements.length - 1];
    if (told.type === "progress") {
      const left = told.left < 1 ? "less than a second" : `about ${Math.round(told.left)} s`;
      showProgress(told.share, `epoch ${told.epoch} of ${settings.epochs}, ${left} left`);
      return;
    }
    if (told.type === "measure") {
      measurements.push({ ...told, nullScores: settings.shares.map(() => []), answers: null });
    } else if (told.type === "null") {
      last.nullScores = told.nullScores;
    } else if (told.type === "answer") {
      last.answers = told.answers;
      const verdict = verdictName(told.answers[0].verdict);
      if (verdict !== said) say(`Epoch ${told.epoch}: ${verdict}.`);
      said = verdict;
    } else if (told.type === "failed") {
      failed(told.text);
      return;
    } else if (told.type === "done") {
      finish();
    }
    if (following) shown = measurements.length - 1;
    draw();
  }

  function finish() {
    stopWorker();
    setRunning(false);
    const last = measurements[measurements.length - 1];
    const { chosen, hidden } = settings;
    finished.push({ chosen, hidden, last, answer: last.answers[0] });
    showProgress(1, `done: ${settings.epochs} epochs`);
    addRow();
    const comparison = compare(finished);
    byId("live-compare").textContent = comparison;
    say(`Done. Epoch ${last.epoch}: ${verdictName(last.answers[0].verdict)}. ${comparison}`);
    if (waiting.length > 0) runPreset(waiting.shift());
  }

  function stop() {
    waiting = [];
    stopWorker();
    setRunning(false);
    // A null that was still filling has no answer: leave it out.
    measurements = measurements.filter((one) => one.answers);
    shown = Math.max(0, Math.min(shown, measurements.length - 1));
    showProgress(byId("live-progress").value, "stopped");
    say("Stopped.");
    draw();
  }

  function failed(text) {
    stop();
    showProgress(0, `This browser could not run it: ${text}`);
  }

  function reset() {
    waiting = [];
    stopWorker();
    setRunning(false);
    setControls(atFirst);
    [measurements, shown, finished.length] = [[], 0, 0];
    byId("live-runs").tBodies[0].replaceChildren();
    byId("live-runs-box").hidden = true;
    byId("live-compare").textContent = "";
    history.replaceState(null, "", location.pathname + location.search);
    showProgress(0, "not begun");
    say("Everything is as at the start.");
    settings = null;
    draw();
  }

  function runPreset(name) {
    setControls(presets[name]);
    start();
  }

  /* ---- What is shown ---- */

  const say = (text) => { byId("live-said").textContent = text; };

  function showProgress(share, text) {
    byId("live-progress").value = share;
    byId("live-left").textContent = text;
  }

  function addRow() {
    const row = byId("live-runs").tBodies[0].insertRow();
    const run = finished[finished.length - 1];
    for (const cell of cells(run, finished.length)) row.insertCell().textContent = cell;
    byId("live-runs-box").hidden = false;
  }

  // At most one drawing a frame.
  function draw() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      render();
    });
  }

  function render() {
    const now = settings ?? { shares: [readControls().share, 1], ...readControls() };
    const one = measurements[shown];
    drawNull(byId("live-null"), one, now);
    drawEpochs(byId("live-epochs"), measurements, {
      shares: now.shares,
      epochs: now.epochs,
      ceiling: memlibData.live.nullCeiling,
      shown,
      choose,
    });
    const [verdict, memorized, learned] = one ? describe(one, settings) : ["No run yet", "", ""];
    byId("live-verdict").textContent = verdict;
    byId("live-memorized").textContent = memorized;
    byId("live-learned").textContent = learned;
    const slider = byId("live-epoch");
    slider.disabled = measurements.length === 0;
    slider.max = Math.max(0, measurements.length - 1);
    slider.value = shown;
    slider.setAttribute("aria-valuetext", one ? `epoch ${one.epoch}` : "no run yet");
    byId("live-epoch-shown").textContent = one ? one.epoch : "–";
    byId("live-null").setAttribute("aria-label", one
      ? `Null of epoch ${one.epoch}. ${memorized} ${learned}`
      : "Null distribution: empty until a run is started.");
    byId("live-epochs").setAttribute("aria-label", describeEpochs(measurements));
  }

  // The first inputs of a run with these controls, and their copies.
  function drawInputs() {
    const chosen = readControls();
    const { side } = memlibData.live;
    const [length, nothing] = [N_SHOWN * side ** 2, new Uint8Array(0)];
    const few = { train: unpack(memlibData.live.train).subarray(0, length), validation: nothing };
    const [images] = prepareInputs(chosen, few);
    const rows = [images, perturb(chosen, images, side ** 2, chosen.share)];
    drawImages(byId("live-images"), rows, side, chosen.inputs === "noise" ? [-2.5, 2.5] : [0, 1]);
    byId("live-images").setAttribute("aria-label",
      `Above, ${N_SHOWN} training inputs (${chosen.inputs}); below, their copies with ${percent(chosen.share)} of the pixels shuffled.`);
  }

  function choose(index) {
    shown = index;
    following = index === measurements.length - 1;
    draw();
  }

  /* ---- Wiring ---- */

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    waiting = [];
    start();
  });
  form.addEventListener("input", showControls);
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return; // a heading of this page
    setControls(atFirst);
    readAddress();
  });
  byId("live-stop").addEventListener("click", stop);
  byId("live-reset").addEventListener("click", reset);
  byId("live-all").addEventListener("click", () => {
    waiting = ["noise", "dropout"];
    runPreset("images");
  });
  for (const button of document.querySelectorAll("[data-preset]")) {
    button.addEventListener("click", () => setControls(presets[button.dataset.preset]));
  }
  byId("live-epoch").addEventListener("input", (event) => choose(Number(event.target.value)));
  new ResizeObserver(draw).observe(byId("live-results"));
  setControls(atFirst);
  readAddress();
})();
