// Where the focus goes when htmx replaces what held it. After a boosted link or form: to the list of problems if there
// is one, else to the h1, so that a screen reader tells the new page. After a part: to the part that took its place.
const held = new WeakSet();

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const target = ctx?.target;
  const focused = document.activeElement;
  if (target === document.body || (focused !== document.body && target?.contains(focused))) held.add(ctx);
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!held.has(ctx) || document.activeElement !== document.body) return;
  const isPage = ctx.target === document.body;
  const place = isPage
    ? (document.getElementById("problems") ?? document.querySelector("h1"))
    : document.getElementById(ctx.target.id);
  if (!place) return;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
});
