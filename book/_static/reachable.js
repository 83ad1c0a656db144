// What scrolls sideways stays in the keyboard's way. The theme sees to it, too, but measures too
// early on a slow machine: wide tables and long lines of code were then out of reach.
document.addEventListener("DOMContentLoaded", () => {
  const table = "pst-scrollable-table-container";
  const reach = (box) => {
    const scrolls = box.classList.contains(table) || box.scrollWidth > box.clientWidth;
    if (scrolls && box.tabIndex !== 0) box.tabIndex = 0;
  };
  const again = (changes) => changes.forEach((change) => reach(change.target));
  const watch = new MutationObserver(again);
  const resized = new ResizeObserver(again);
  for (const box of document.querySelectorAll(`.${table}, .highlight pre`)) {
    reach(box);
    watch.observe(box, { attributes: true, attributeFilter: ["tabindex"] });
    resized.observe(box);
  }
});
