// Wide tables scroll sideways in a box of the theme's, which it takes out of the keyboard's way when
// it measures too early. All of them stay reachable.
document.addEventListener("DOMContentLoaded", () => {
  const reach = (box) => {
    if (box.tabIndex !== 0) box.tabIndex = 0;
  };
  const watch = new MutationObserver((changes) => changes.forEach((change) => reach(change.target)));
  for (const box of document.querySelectorAll(".pst-scrollable-table-container")) {
    reach(box);
    watch.observe(box, { attributes: true, attributeFilter: ["tabindex"] });
  }
});
