/**
 * The page's height while a keyboard on glass covers a part of it: the page ends where the keyboard
 * begins, and nothing jumps. Where the browser resizes the page itself, this changes nothing.
 */

export function followVisualViewport() {
  const viewport = window.visualViewport;
  if (viewport === null) return;
  const root = document.documentElement;
  const update = () => {
    if (viewport.scale > 1.01) return; // zoomed in by hand: a part of the page is looked at
    root.style.setProperty("--page-height", `${Math.round(viewport.height)}px`);
    if (window.scrollY !== 0) window.scrollTo(0, 0);
  };
  viewport.addEventListener("resize", update);
  viewport.addEventListener("scroll", update);
  update();
}
