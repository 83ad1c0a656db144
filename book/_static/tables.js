// Wide tables scroll sideways in a box of the theme's, which it takes out of the keyboard's way when
// it measures too early. All of them stay reachable.
const reach = () => {
  for (const box of document.querySelectorAll(".pst-scrollable-table-container")) box.tabIndex = 0;
};
window.addEventListener("load", () => {
  reach();
  setTimeout(reach, 300);
});
window.addEventListener("resize", () => setTimeout(reach, 600)); // after the theme's own
