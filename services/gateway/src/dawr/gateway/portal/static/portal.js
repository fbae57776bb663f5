// What pages can do better with scripts. Every page works without: nothing here is needed to get through.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");

  function ready(work) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", work); else work();
  }

  // A form is sent once, however often its button is pressed; after "back" it can be sent again.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    form.querySelectorAll("button").forEach(function (button) { setTimeout(function () { button.disabled = true; }, 0); });
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
      form.querySelectorAll("button").forEach(function (button) { button.disabled = false; });
    });
  });

  // Time left: <time data-until="2026-12-01T09:14:00Z" data-over="…">; said to screen readers once a minute.
  function tick() {
    document.querySelectorAll("[data-until]").forEach(function (place) {
      var left = Math.max(0, Math.floor((Date.parse(place.dataset.until) - Date.now()) / 1000));
      var text = left ? Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0") : place.dataset.over || "0:00";
      if (place.textContent !== text) place.textContent = text;
      if (!left && place.dataset.reload && !place.dataset.done) { place.dataset.done = "1"; setTimeout(function () { location.reload(); }, 1500); }
    });
  }

  function prepare(within) {
    var focus = within.querySelector("[data-focus]");
    if (focus) focus.focus();
    within.querySelectorAll("[data-print]").forEach(function (button) {
      button.hidden = false;
      button.addEventListener("click", function () { window.print(); });
    });
  }

  ready(function () {
    prepare(document);
    tick();
    setInterval(tick, 500);
    // Arrow keys move through the days of a calendar.
    document.addEventListener("keydown", function (event) {
      var cell = event.target.closest ? event.target.closest(".calendar td") : null;
      var steps = { ArrowUp: -7, ArrowDown: 7, ArrowLeft: root.dir === "rtl" ? 1 : -1, ArrowRight: root.dir === "rtl" ? -1 : 1 };
      if (!cell || !(event.key in steps)) return;
      var cells = Array.prototype.slice.call(cell.closest(".calendar").querySelectorAll("td"));
      for (var at = cells.indexOf(cell) + steps[event.key]; at >= 0 && at < cells.length; at += steps[event.key]) {
        var link = cells[at].querySelector("a");
        if (link) { link.focus(); event.preventDefault(); break; }
      }
    });
    if ("serviceWorker" in navigator && window.isSecureContext) navigator.serviceWorker.register("/worker.js").catch(function () {});
  });
  document.addEventListener("htmx:afterSwap", function (event) { tick(); prepare(event.target); });
})();
