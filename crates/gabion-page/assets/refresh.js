// Keeps a page current: fetches it again every few seconds and swaps the elements marked data-refresh.
//
// <body data-refresh-seconds="5"> ... <section id="health" data-refresh> ... </section>
//
// Elements are matched by id. One that holds the keyboard focus is left alone until the next round.
"use strict";

const BACKOFF_MAX_MS = 60000;

function swap(fresh) {
  for (const old of document.querySelectorAll("[data-refresh][id]")) {
    const next = fresh.getElementById(old.id);
    if (!next || old.contains(document.activeElement)) continue;
    if (old.innerHTML !== next.innerHTML) old.replaceWith(document.adoptNode(next));
  }
}

function keepFresh(seconds) {
  const toggle = document.querySelector("[data-refresh-toggle]");
  const state = document.querySelector("[data-refresh-state]");
  const interval = seconds * 1000;
  let delay = interval;
  let paused = false;
  let timer = 0;

  const schedule = () => {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(round, delay);
  };
  const say = (text) => {
    if (state && state.textContent !== text) state.textContent = text;
  };
  const round = async () => {
    try {
      const response = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
      // A redirect means the session ended: show the sign-in page instead of stale numbers.
      if (response.redirected) return location.reload();
      if (!response.ok) throw new Error(`status ${response.status}`);
      swap(new DOMParser().parseFromString(await response.text(), "text/html"));
      delay = interval;
      say("");
    } catch {
      delay = Math.min(delay * 2, BACKOFF_MAX_MS);
      say("Gabion does not answer. These numbers are old; trying again.");
    }
    schedule();
  };

  document.addEventListener("visibilitychange", schedule);
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      paused = !paused;
      toggle.setAttribute("aria-pressed", String(paused));
      schedule();
    });
  }
  schedule();
}

const seconds = Number(document.body.dataset.refreshSeconds);
if (seconds > 0) keepFresh(seconds);
