// Live event list: prepends server-rendered rows that arrive over EventSource.
//
// <section data-live="/events/stream">
//   <p role="status" data-live-state></p> <button type="button" data-live-pause hidden>Pause</button>
//   <table>...<tbody data-live-rows></tbody></table>
// </section>
//
// Each message is the HTML of one <tr>. It comes from our own origin and is parsed inertly.
"use strict";

const ROWS_MAX = 200;
const ANNOUNCE_MS = 5000;

function parseRow(html) {
  const page = new DOMParser().parseFromString(`<table><tbody>${html}</tbody></table>`, "text/html");
  return page.querySelector("tbody > tr");
}

function follow(section) {
  const rows = section.querySelector("[data-live-rows]");
  const state = section.querySelector("[data-live-state]");
  const pause = section.querySelector("[data-live-pause]");
  if (!rows || !state) return;

  let paused = false;
  let waiting = [];
  let unannounced = 0;
  let connection = "Connecting";

  const show = (text) => {
    if (state.textContent !== text) state.textContent = text;
  };
  const describe = () => {
    if (paused) return `Paused, ${waiting.length === ROWS_MAX ? `${ROWS_MAX} or more` : waiting.length} waiting`;
    return connection;
  };
  const prepend = (row) => {
    row.classList.add("fresh");
    rows.prepend(row);
    while (rows.rows.length > ROWS_MAX) rows.deleteRow(-1);
  };

  const source = new EventSource(section.dataset.live);
  source.addEventListener("open", () => {
    connection = "Live";
    show(describe());
  });
  source.addEventListener("error", () => {
    connection = source.readyState === EventSource.CLOSED
      ? "Not connected. Reload the page to try again."
      : "Connection lost, trying again";
    show(describe());
  });
  source.addEventListener("message", (message) => {
    const row = parseRow(message.data);
    if (!row) return;
    // A reconnect may repeat what is already there.
    if (row.id && document.getElementById(row.id)) return;
    unannounced += 1;
    if (paused) {
      waiting.push(row);
      if (waiting.length > ROWS_MAX) waiting.shift();
    } else {
      prepend(row);
      section.querySelector("[data-live-empty]")?.remove();
    }
  });

  // Screen readers hear a count now and then instead of every row.
  const announcing = setInterval(() => {
    const base = describe();
    show(unannounced > 0 && !paused ? `${base}, ${unannounced} new` : base);
    unannounced = 0;
  }, ANNOUNCE_MS);

  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      if (!paused) {
        waiting.forEach(prepend);
        waiting = [];
      }
      show(describe());
    });
  }

  window.addEventListener("pagehide", () => {
    clearInterval(announcing);
    source.close();
  });
  show(describe());
}

document.querySelectorAll("[data-live]").forEach(follow);
