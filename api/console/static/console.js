// What the console does beyond links and forms: the keyboard, live news, small comforts. Everything works without it too.
"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const shown = (element) => element.offsetParent !== null;

  // Keyboard --------------------------------------------------------------------------------------------------
  const rows = () => [...document.querySelectorAll("[data-row]")].filter(shown);

  function move(by) {
    const all = rows();
    if (!all.length) return;
    const now = all.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + by))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function act(key) {
    // What the person is at, else the first thing that can be acted on.
    const at = document.activeElement && document.activeElement.closest("[data-context]");
    const found = $(`[data-key="${key}"]`, at || document);
    if (!found) return false;
    found.click();
    const field = key === "c" && $("input[name=value]", found.parentElement);
    if (field) field.focus();
    return true;
  }

  function search() {
    const field = $("#q");
    if (field) field.focus();
    else location.assign("/console/search");
  }

  const keys = {
    j: () => move(1), k: () => move(-1), "/": search, q: () => location.assign("/"),
    "?": () => $("#keys").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (!$("#keys") || $("dialog[open]")) return;
    const typing = event.target.closest("input:not([type=radio]), textarea, select");
    if (typing) {
      if (event.key === "Escape") typing.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does = keys[event.key] || ("acnu".includes(event.key) && (() => act(event.key)));
    if (does) {
      event.preventDefault();
      does();
    }
  });

  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-open]");
    if (opens) document.getElementById(opens.dataset.open).showModal();
    const copies = event.target.closest("[data-copy]");
    if (copies) copy(copies);
  });

  async function copy(button) {
    const said = document.getElementById(button.dataset.copy);
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(said.textContent);
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = words; }, 1500);
    } catch {
      getSelection().selectAllChildren(said); // where the browser allows no copying, it is selected at least
    }
  }

  // Slow or lost requests -------------------------------------------------------------------------------------
  let busy = 0, late;
  const settle = (event) => { if (!itself(event) && --busy <= 0) { clearTimeout(late); $("#busy").classList.remove("shown"); } };
  const itself = (event) => event.detail.requestConfig.elt.matches("[data-live]"); // asked by the page, not by the person
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (itself(event)) {
      if (busy) {
        event.preventDefault();
        missed = true;
      }
      return;
    }
    // News would take the card from under what the person does: they are asked for again with the next beat.
    document.querySelectorAll("[data-live]").forEach((one) => htmx.trigger(one, "htmx:abort"));
    busy += 1;
    late = setTimeout(() => $("#busy").classList.add("shown"), 400);
    $("#failed").hidden = true;
  });
  document.addEventListener("htmx:afterRequest", settle);
  for (const lost of ["htmx:sendAbort", "htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(lost, (event) => {
      // News that could not be fetched are asked for again with the next; what a person did must not vanish silently.
      if (itself(event)) missed = true;
      else $("#failed").hidden = false;
    });
  }

  // Where the person was, when others' news take the place of the card; whoever has moved on meanwhile stays there.
  let held = [];
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.contains(document.activeElement)) held = [document.activeElement.id, event.detail.target.id];
  });
  document.addEventListener("htmx:afterSettle", () => {
    const back = held.map((id) => document.getElementById(id)).find(Boolean);
    held = [];
    if (back && document.activeElement === document.body) back.focus({ preventScroll: true });
  });

  // Live news -------------------------------------------------------------------------------------------------
  const sign = $("#live");
  const SILENT_MS = 13000; // two beats and a half
  let source, watchdog, missed = false;

  function state(on) {
    sign.className = on ? "live on" : "live off";
    const words = on ? sign.dataset.on : sign.dataset.off;
    if (sign.textContent !== words) sign.textContent = words;
  }

  function heard(news) {
    document.body.dispatchEvent(new Event(news || missed ? "live" : "beat"));
    missed = false;
    state(true);
    clearTimeout(watchdog);
    watchdog = setTimeout(lost, SILENT_MS);
  }

  function lost() {
    clearTimeout(watchdog);
    state(false);
    missed = true; // something may have come in meanwhile: look when it is back
    source.close();
    setTimeout(connect, 1500);
  }

  function connect() {
    source = new EventSource(sign.dataset.events);
    source.addEventListener("beat", () => heard(false));
    source.addEventListener("live", () => heard(true));
    source.addEventListener("over", () => { source.close(); location.assign(sign.dataset.over); });
    source.onerror = lost;
  }

  if (sign) {
    connect();
    // A browser that leaves a page closes its stream late; six of them would be all that it may have open.
    addEventListener("pagehide", () => { clearTimeout(watchdog); source.close(); });
    addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  }
})();
