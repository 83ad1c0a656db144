/* The explorer: controls for one or two views, drawn anew at each change; the address holds it all. */
"use strict";
(() => {
  const explorer = globalThis.memlibExplorer;
  const { data } = explorer;
  const CHOICES = ["source", "figure", "panel", "seed", "perturbation"]; // each narrows the next
  const PARTS = [...CHOICES, "epoch"];
  const NAMES = {
    source: "Results", figure: "Figure", panel: "Panel", seed: "Seed", perturbation: "Perturbation",
  };
  // The same network without and with dropout; on a telephone one view is enough to begin with.
  const START = `a=,fig1,a,,0.05,${innerWidth < 900 ? "" : "&b=,fig1,d,,0.05,"}`;
  const DIFFERENT_EPOCHS =
    "The two were measured at different epochs: each is shown at the one nearest to the other's.";
  const STEP = 600; // milliseconds from epoch to epoch while playing

  /** What may be chosen, given what was chosen before it; the nearest stands for what is not there. */
  function options(view, part) {
    if (part === "source") {
      const holds = (source) => source.figures[view.figure]?.panels[view.panel];
      const fits = data.sources.filter(holds);
      return fits.length ? fits.map((source) => source.key) : data.sources.map((one) => one.key);
    }
    const { figures } = explorer.sourceOf(view.source);
    if (part === "figure") return Object.keys(data.figures).filter((name) => name in figures);
    if (part === "panel") return Object.keys(figures[view.figure].panels).sort();
    return explorer.panelOf(view)[part];
  }

  function complete(wanted) {
    const view = { ...wanted };
    const known = data.sources.some((source) => source.key === view.source);
    if (!known) view.source = options(view, "source")[0];
    for (const part of CHOICES.slice(1)) {
      const found = options(view, part);
      if (found.includes(view[part])) continue;
      const number = Number(view[part] ?? NaN);
      const distance = (value) => Math.abs(value - number);
      view[part] = Number.isNaN(number)
        ? found[0]
        : found.reduce((best, one) => (distance(one) < distance(best) ? one : best));
    }
    const { epochs } = explorer.curves(view);
    view.epoch = epochs[view.epoch > 0 ? explorer.nearestEpoch(epochs, view.epoch) : epochs.length - 1];
    return view;
  }

  /** All views at the measured epoch that is nearest. */
  function at(views, epoch) {
    return views.map((view) => complete({ ...view, epoch }));
  }

  const earliest = (views) => Math.min(...views.map((view) => view.epoch)); // which all may reach

  /** Read "paper,fig1,a,0,0.05,100" into the parts that are given. */
  function parseView(text) {
    const wanted = { words: {} };
    PARTS.forEach((part, i) => {
      const word = text.split(",")[i] ?? "";
      if (word === "") return;
      wanted[part] = i < 3 ? word : Number(word);
      wanted.words[part] = word;
    });
    return wanted;
  }

  /** Views beside each other are to differ in what is compared: one source for all, if it has them all. */
  function oneSource(all) {
    const known = (one) => data.sources.some((source) => source.key === one.source);
    const has = (source) => all.every((one) => source.figures[one.figure]?.panels[one.panel]);
    const named = all.filter(known).map((one) => explorer.sourceOf(one.source));
    const source = [...named, ...data.sources].find(has)?.key;
    return all.map((one) => (known(one) ? one : { ...one, source }));
  }

  function readAddress(hash) {
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    const address = given.has("a") ? given : new URLSearchParams(START);
    const wanted = ["a", "b"].filter((key) => address.has(key)).map((key) => parseView(address.get(key)));
    let views = oneSource(wanted).map(complete);
    const missed = wanted.flatMap((one, i) =>
      PARTS.filter((part) => part in one && views[i][part] !== one[part]).map((part) => `${part} ${one.words[part]}`)
    );
    let together = address.get("together") !== "no";
    if (together && wanted.every((one) => one.epoch > 0)) {
      // Two epochs asked for by name are shown, and not called the same.
      const follow = (lead) => at(views, lead.epoch).every((view, i) => view.epoch === views[i].epoch);
      together = views.some(follow);
    } else if (together) {
      views = at(views, earliest(views));
    }
    return {
      views,
      together,
      notice: missed.length
        ? `Not in this copy of the book: ${[...new Set(missed)].join(", ")}. Shown is what comes nearest.`
        : "",
    };
  }

  function writeAddress({ views, together }) {
    const text = views.map((view, i) => `${"ab"[i]}=${PARTS.map((part) => view[part]).join(",")}`);
    return `#${text.join("&")}${together ? "" : "&together=no"}`;
  }

  const page = document.getElementById("memlib-explorer");
  if (!data.sources.length) {
    page.textContent = "This copy of the book holds no results.";
    return;
  }
  let state = readAddress(location.hash);
  let playing = null;

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  const optionText = {
    source: (view, key) => explorer.sourceOf(key).label,
    figure: (view, name) => `${name.replace("fig", "Fig. ")}: ${data.figures[name].title}`,
    panel: (view, letter) => `${letter}: ${data.figures[view.figure].panels[letter]}`,
    seed: (view, seed) => String(seed),
    perturbation: (view, strength) => {
      const panel = explorer.panelOf(view);
      return panel.perturbation_labels[panel.perturbation.indexOf(strength)];
    },
  };

  /** Everything that might be chosen: what was not run is listed, but cannot be taken. */
  function listed(view, part) {
    if (part === "source") return data.sources.map((source) => source.key);
    if (part === "figure") return Object.keys(data.figures);
    if (part === "panel") return Object.keys(data.figures[view.figure].panels);
    return options(view, part);
  }

  function makeView(index) {
    const selects = Object.fromEntries(
      CHOICES.map((part) => [
        part,
        element("select", { "data-part": part, onchange: (event) => choose(index, part, event.target.value) }),
      ])
    );
    const slider = element("input", {
      type: "range", min: 0, step: 1, "data-part": "epoch",
      oninput: (event) => moveTo(index, Number(event.target.value)),
    });
    const output = element("output");
    const play = element("button", { type: "button", class: "play", onclick: () => togglePlay(index) });
    const verdict = element("p", { class: "verdict" });
    const nullChart = element("div", { class: "chart" });
    const epochChart = element("div", { class: "chart epochs", onpointerdown: point, onpointermove: point });
    const words = element("dl", { class: "words" });
    const provenance = element("p", { class: "provenance" });

    function point(event) {
      if (event.type === "pointermove" && !event.buttons) return;
      const place = event.clientX - epochChart.getBoundingClientRect().left;
      const { epochs } = explorer.curves(state.views[index]);
      moveTo(index, explorer.epochAt(epochs, epochChart.clientWidth, place));
    }

    const labelled = (part) => element("label", { class: part }, element("span", {}, NAMES[part]), selects[part]);
    const name = `${index ? "Second" : "First"} view`;
    const root = element(
      "section", { class: "view", "aria-label": name },
      element("div", { class: "choices" }, ...CHOICES.map(labelled)),
      element("div", { class: "time" }, element("label", {}, element("span", {}, "Epoch"), slider), output, play),
      verdict,
      element("p", { class: "legend" }, key("null-dot", "one classifier of shuffled labels")),
      nullChart,
      element(
        "p", { class: "legend" },
        key("observed", "true labels"), key("null-mean", "shuffled labels: mean, quartiles, range"),
        key("validation", "independent images"), key("chance", "chance")
      ),
      epochChart, words, provenance
    );

    function draw(view, limits) {
      const one = explorer.curves(view);
      const panel = explorer.panelOf(view);
      const e = one.epochs.indexOf(view.epoch);
      for (const part of CHOICES) {
        const free = part === "source" ? listed(view, part) : options(view, part);
        const made = listed(view, part).map((value) => {
          const text = optionText[part](view, value) + (free.includes(value) ? "" : ", not run");
          const option = element("option", { value }, text);
          option.disabled = !free.includes(value);
          return option;
        });
        selects[part].replaceChildren(...made);
        selects[part].value = String(view[part]);
      }
      const [light, dark] = panel.colours[panel.perturbation.indexOf(view.perturbation)];
      root.style.setProperty("--series-light", light);
      root.style.setProperty("--series-dark", dark);
      slider.max = one.epochs.length - 1;
      slider.value = e;
      slider.setAttribute("aria-valuetext", `epoch ${explorer.whole(view.epoch)}`);
      output.textContent = explorer.whole(view.epoch);
      play.textContent = playing?.index === index ? "Pause" : "Play";
      const said = explorer.describe(one, e);
      verdict.textContent = said.verdict;
      verdict.dataset.verdict = one.verdict[e];
      nullChart.innerHTML = explorer.drawNull(one, e, limits, nullChart.clientWidth);
      epochChart.innerHTML = explorer.drawEpochs(one, e, limits, epochChart.clientWidth);
      words.replaceChildren(
        element("dt", {}, `Memorized: ${said.memorized}`), element("dd", {}, said.memorizedWords),
        element("dt", {}, `Learned: ${said.learned}`), element("dd", {}, said.learnedWords),
        element("dt", {}, "Besides"), element("dd", {}, said.besides)
      );
      const origin = explorer.provenance(view);
      provenance.replaceChildren("Shown: ", element("code", {}, origin.file), `, ${origin.words}`);
    }
    return { root, draw, name };
  }

  function key(kind, words) {
    const made = element("span");
    const shape =
      kind === "null-dot"
        ? '<circle class="null-dot" cx="9" cy="5" r="3"/>'
        : `<line class="${kind}" x1="0" y1="5" x2="18" y2="5"/>`;
    made.innerHTML = `<svg viewBox="0 0 18 10" width="18" height="10" aria-hidden="true">${shape}</svg>${words}`;
    return made;
  }

  const views = [makeView(0), makeView(1)];
  const notice = element("p", { class: "notice", role: "status" });
  const spoken = element("p", { class: "visually-hidden", "aria-live": "polite" });
  const two = element("input", { type: "checkbox", onchange: toggleTwo });
  const together = element("input", {
    type: "checkbox", onchange: toggleTogether,
  });
  const copied = element("span", { role: "status" });
  const togetherLabel = element("label", {}, together, " Same epoch in both");
  page.replaceChildren(
    element(
      "div", { class: "bar" },
      element("label", {}, two, " Two views"),
      togetherLabel,
      element("button", { type: "button", class: "copy", onclick: copyAddress }, "Copy the link to this view"),
      copied
    ),
    notice,
    element("div", { class: "views" }, ...views.map((view) => view.root)),
    spoken
  );

  /** Take a change into the state, draw, and put it into the address. */
  function change(update) {
    state = { ...state, notice: "", ...update };
    draw();
    remember();
  }

  function setView(index, view) {
    return state.views.map((one, i) => (i === index ? view : one));
  }

  function choose(index, part, value) {
    const before = state.views[index];
    const taken = ["seed", "perturbation"].includes(part) ? Number(value) : value;
    show(index, complete({ ...before, [part]: taken }));
  }

  function moveTo(index, e) {
    const view = state.views[index];
    show(index, { ...view, epoch: explorer.curves(view).epochs[e] });
  }

  /** Take a view; the other one follows to its epoch, if it is to. */
  function show(index, view) {
    const views = setView(index, view);
    change({ views: state.together ? at(views, view.epoch) : views });
  }

  function toggleTogether() {
    const views = together.checked ? at(state.views, earliest(state.views)) : state.views;
    change({ views, together: together.checked });
  }

  function toggleTwo() {
    const first = state.views[0];
    change({ views: two.checked ? [first, complete({ ...first })] : [first] });
  }

  function togglePlay(index) {
    const same = playing?.index === index;
    stop();
    if (!same) {
      playing = { index, timer: setInterval(() => step(index), STEP) };
      const { epochs } = explorer.curves(state.views[index]);
      if (state.views[index].epoch === epochs.at(-1)) moveTo(index, 0);
    }
    draw();
  }

  function step(index) {
    const view = state.views[index];
    const { epochs } = explorer.curves(view ?? state.views[0]);
    const next = view ? epochs.indexOf(view.epoch) + 1 : epochs.length;
    if (next < epochs.length) moveTo(index, next);
    if (next >= epochs.length - 1) {
      stop();
      draw();
    }
  }

  function stop() {
    clearInterval(playing?.timer);
    playing = null;
  }

  async function copyAddress() {
    history.replaceState(null, "", writeAddress(state));
    try {
      await navigator.clipboard.writeText(location.href);
      copied.textContent = "Copied.";
    } catch {
      copied.textContent = "The address bar holds it.";
    }
  }

  function draw() {
    const limits = explorer.limits(state.views.map(explorer.curves));
    two.checked = state.views.length === 2;
    together.checked = state.together;
    togetherLabel.hidden = !two.checked;
    const notices = [state.notice, state.together && epochsDiffer() ? DIFFERENT_EPOCHS : ""];
    const said = notices.filter(Boolean).join(" ");
    if (notice.textContent !== said) notice.textContent = said; // not to be read aloud at each step
    copied.textContent = "";
    views.forEach((one, i) => (one.root.hidden = i >= state.views.length));
    page.classList.toggle("two", two.checked);
    state.views.forEach((view, i) => views[i].draw(view, limits));
  }

  function epochsDiffer() {
    return new Set(state.views.map((view) => explorer.curves(view).epochs.join())).size > 1;
  }

  let later = null;

  /** Once the hand rests: Safari lets a page change its address a hundred times in 30 seconds. */
  function remember() {
    clearTimeout(later);
    later = setTimeout(() => {
      history.replaceState(null, "", writeAddress(state));
      if (playing) return;
      spoken.textContent = state.views
        .map((view, i) => {
          const one = explorer.curves(view);
          const said = explorer.describe(one, one.epochs.indexOf(view.epoch));
          return `${views[i].name}, epoch ${explorer.whole(view.epoch)}: ${said.verdict}.`;
        })
        .join(" ");
    }, 300);
  }

  function restore() {
    if (!location.hash.includes("=")) return; // a heading of this page
    stop();
    state = readAddress(location.hash);
    draw();
  }

  addEventListener("hashchange", restore);
  for (const button of document.querySelectorAll("button[data-view]")) {
    button.addEventListener("click", () => {
      stop();
      change({ ...readAddress(button.dataset.view), notice: "" });
      page.scrollIntoView({ block: "start" });
    });
  }
  const [light, dark] = data.validation_colours;
  page.style.setProperty("--validation-light", light);
  page.style.setProperty("--validation-dark", dark);
  let width = page.clientWidth;
  new ResizeObserver(() => {
    if (page.clientWidth === width) return; // its height changes with what is drawn
    width = page.clientWidth;
    draw();
  }).observe(page);
  draw();
})();
