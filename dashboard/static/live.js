// Keeps a page as new as the book: the server says that something changed, the page asks for itself again.
// When the server falls silent, the page says since when it is old.
(() => {
  "use strict";
  const main = document.getElementById("main");
  const lost = document.getElementById("lost");
  if (!main || !main.dataset.change) return;
  const SILENT_MS = 8000;
  let heard = Date.now();
  let known = main.dataset.change;

  const source = new EventSource("/events?known=" + encodeURIComponent(known));
  source.addEventListener("beat", () => { heard = Date.now(); });
  source.addEventListener("change", (event) => {
    heard = Date.now();
    if (event.data === known) return;
    known = event.data;
    main.dispatchEvent(new CustomEvent("kehai:changed", { bubbles: false }));
  });
  // A session that ended answers 401; the browser then gives up, and so does the page: it asks for a log-in.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) window.location.reload();
  });
  window.setInterval(() => {
    const old = Date.now() - heard > SILENT_MS;
    const fresh = document.getElementById("fresh");
    if (fresh) lost.querySelector("time").textContent = fresh.dataset.stamp;
    lost.hidden = !old;
    document.body.classList.toggle("old", old);
  }, 1000);
  const problem = document.getElementById("problem");
  if (problem) problem.focus();
})();
