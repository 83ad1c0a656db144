// Wide tables scroll sideways in a box of the theme's: it has to be reachable from the keyboard.
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll(".pst-scrollable-table-container")) box.tabIndex = 0;
});
