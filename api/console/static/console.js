// What the console does beyond links and forms: the keyboard, live news, small comforts. Everything works without it too.
"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const isVisible = (element) => element.offsetParent !== null;
  document.documentElement.classList.add("js");

  // Keyboard --------------------------------------------------------------------------------------------------
  const rows = () => [...document.querySelectorAll("[data-row]")].filter(isVisible);

  function move(by) {
    const all = rows();
    if (!all.length) return;
    const now = all.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + by))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function act(key) {
    // The card that has the focus, else the first that can be acted on. A fix has no such keys: it is judged by its
    // own buttons, once somebody has tried it.
    const card = document.activeElement && document.activeElement.closest("[data-context]");
    const button = $(`[data-key="${key}"]`, card && key !== "o" ? card : document);
    if (!button) return false;
    button.click();
    const field = key === "c" && $("input[name=value]", button.parentElement);
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
    const does = keys[event.key] || ("acnuo".includes(event.key) && (() => act(event.key)));
    if (does) {
      event.preventDefault();
      does();
    }
  });

  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-open]");
    if (opens) document.getElementById(opens.dataset.open).showModal();
    const menu = event.target.closest("[data-menu]");
    if (menu) menu.setAttribute("aria-expanded", String(document.getElementById(menu.dataset.menu).classList.toggle("open")));
    const copies = event.target.closest("[data-copy]");
    if (copies) copy(copies, document.getElementById(copies.dataset.copy));
    const inserts = event.target.closest("[data-insert]");
    if (inserts) insert(inserts);
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form) form.requestSubmit();
  });

  async function copy(button, source) {
    const label = button.dataset.label || button.textContent;
    button.dataset.label = label;
    try {
      await navigator.clipboard.writeText("value" in source ? source.value : source.textContent);
      confirmed(button, label);
    } catch {
      // Where the browser allows no copying, the text is selected at least.
      if (source.select) source.select();
      else getSelection().selectAllChildren(source);
    }
  }

  function confirmed(button, label) {
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 1500);
  }

  // A fix goes into the reply or the resolution note, and inside another tool into that tool's own field.
  function insert(button) {
    const draft = document.getElementById(button.dataset.insert);
    const fix = document.getElementById(button.dataset.from);
    const text = fix.content.textContent.trim();
    const added = button.dataset.insert === "note" ? `${fix.dataset.heading}\n${text}` : text;
    if (!draft.value.includes(added)) draft.value = draft.value ? `${draft.value.trimEnd()}\n\n${added}` : added;
    draft.dispatchEvent(new Event("input", { bubbles: true }));
    const folded = draft.closest("details");
    if (folded) folded.open = true;
    if (parent !== window) parent.postMessage({ faultwise: "insert", field: button.dataset.insert, text: added }, "*");
    const label = button.dataset.label || button.textContent;
    button.dataset.label = label;
    confirmed(button, label);
    if (navigator.clipboard) navigator.clipboard.writeText(draft.value).catch(() => {});
  }

  // A phone shows what matters first; the rest is a tap away.
  if (innerWidth < 700) document.querySelectorAll("details[data-fold]").forEach((details) => { details.open = false; });

  // Times in the reader's zone --------------------------------------------------------------------------------
  const inZone = new Intl.DateTimeFormat(document.documentElement.lang === "zh" ? "zh-CN" : undefined, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });

  function localTimes(within) {
    within.querySelectorAll("time[data-local], time[data-local-title]").forEach((element) => {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.getTime())) return;
      if ("localTitle" in element.dataset) element.title = inZone.format(moment);
      else {
        element.title = element.title || element.textContent;
        element.textContent = inZone.format(moment);
      }
    });
  }
  localTimes(document);
  // Times are entered as they are shown: in the reader's own zone; without this script in UTC.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.querySelectorAll("[data-zone]").forEach((place) => {
    if (place.tagName === "INPUT") place.value = zone;
    else place.textContent = zone;
  });
  document.addEventListener("htmx:load", (event) => localTimes(event.detail.elt.parentElement || document));

  // What was typed survives a sign-in that ran out ------------------------------------------------------------
  // Kept in the tab by page and field, of whoever typed it, until it was taken or they sign out. What finds or filters
  // is in the address, and a key or password is never kept.
  const DRAFT = "faultwise-draft:";
  const FIELDS = "main textarea[id], main select[id], main input[id]:not([type=hidden], [type=submit], [type=password]," +
    " [type=search], [type=radio], [type=checkbox], [type=file])";
  const person = document.body.dataset.person;
  const here = DRAFT + location.pathname + location.search;
  const isTyped = (field) => field.matches(FIELDS) && !field.closest("form[method=get]");
  const drafts = () => Object.keys(sessionStorage).filter((name) => name.startsWith(DRAFT));
  const draftOf = (name) => JSON.parse(sessionStorage.getItem(name)) || { person, values: {}, sent: [] };

  function keepDraft(name, draft) {
    try {
      if (Object.keys(draft.values).length) sessionStorage.setItem(name, JSON.stringify(draft));
      else sessionStorage.removeItem(name);
    } catch {} // a browser that keeps nothing, or is full
  }

  function forget(name, ids) {
    const draft = draftOf(name);
    for (const id of ids) delete draft.values[id];
    keepDraft(name, { ...draft, sent: [] });
  }

  function settleDrafts() {
    // Forms lead to a page of ours: what was sent was taken if it is no error and not the one for signing in.
    const arrival = performance.getEntriesByType("navigation")[0] || {};
    const taken = person && arrival.type === "navigate" && !(arrival.responseStatus >= 400);
    for (const name of drafts()) {
      const draft = draftOf(name);
      if (person && (draft.person !== person || (draft.brief && name !== here))) sessionStorage.removeItem(name);
      else forget(name, taken ? draft.sent : []);
    }
  }

  function restoreDraft() {
    let restored = false;
    for (const [id, value] of Object.entries(draftOf(here).values)) {
      const field = document.getElementById(id);
      if (!field || !isTyped(field) || field.value === value) continue;
      if (field.options && ![...field.options].some((option) => option.value === value)) continue;
      field.value = value;
      restored = true;
      for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    }
    $("#draft-restored").hidden = !restored;
  }

  const hasStorage = () => { try { return Boolean(sessionStorage); } catch { return false; } }; // a sandboxed frame has none
  if (hasStorage()) settleDrafts();
  if (person && hasStorage()) {
    restoreDraft();
    document.addEventListener("input", (event) => {
      const field = event.target;
      if (!isTyped(field)) return;
      const draft = draftOf(here);
      draft.values[field.id] = field.value;
      if (field.value === field.defaultValue) delete draft.values[field.id];
      const brief = draft.brief || Boolean(field.closest("[data-draft=brief]"));
      keepDraft(here, { ...draft, brief, sent: draft.sent.filter((id) => id !== field.id) });
    });
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (form.matches("[data-forget-drafts]")) drafts().forEach((name) => sessionStorage.removeItem(name));
      else if (!form.hasAttribute("hx-post")) {
        const ids = [...form.elements].filter(isTyped).map((field) => field.id);
        if (ids.length) keepDraft(here, { ...draftOf(here), sent: ids });
      }
    });
    document.addEventListener("htmx:afterRequest", (event) => {
      const form = event.detail.requestConfig.elt; // the card that held it is gone by now
      if (event.detail.successful && form.matches("form")) forget(here, [...form.elements].map((field) => field.id));
    });
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
      } else fetching += 1;
      return;
    }
    // News would take the card from under what the person does: they are asked for again with the next beat.
    document.querySelectorAll("[data-live]").forEach((one) => htmx.trigger(one, "htmx:abort"));
    busy += 1;
    late = setTimeout(() => $("#busy").classList.add("shown"), 400);
    $("#failed").hidden = true;
  });
  document.addEventListener("htmx:afterRequest", settle);
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!itself(event) || --fetching > 0 || !again) return;
    again = false;
    setTimeout(() => document.body.dispatchEvent(new Event("live")), 50); // once the answer stands in the page
  });
  for (const lost of ["htmx:sendAbort", "htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(lost, (event) => {
      // News that could not be fetched are asked for again with the next; what a person did must not vanish silently.
      if (itself(event)) missed = true;
      else {
        const refused = event.detail.xhr && event.detail.xhr.status >= 400 && event.detail.xhr.status < 500;
        $("#failed").textContent = refused ? $("#failed").dataset.refused : $("#failed").dataset.lost;
        $("#failed").hidden = false;
      }
    });
  }

  // Where the person was, when others' news take the place of the card; whoever has moved on meanwhile stays there.
  let focusBefore = [];
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.contains(document.activeElement)) focusBefore = [document.activeElement.id, event.detail.target.id];
  });
  document.addEventListener("htmx:afterSettle", () => {
    const back = focusBefore.map((id) => document.getElementById(id)).find(Boolean);
    focusBefore = [];
    if (back && document.activeElement === document.body) back.focus({ preventScroll: true });
  });

  // Live updates -------------------------------------------------------------------------------------------------
  const indicator = $("#live");
  const SILENT_MS = 13000; // two heartbeats and a half
  let source, watchdog, missed = false;
  let fetching = 0, again = false; // news that come while older ones are fetched are in no answer yet

  function state(on) {
    indicator.className = on ? "live on" : "live off";
    const words = on ? indicator.dataset.on : indicator.dataset.off;
    if (indicator.textContent !== words) indicator.textContent = words;
  }

  function received(change) {
    if (change && fetching) again = true;
    document.body.dispatchEvent(new Event(change || missed ? "live" : "heartbeat"));
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
    source = new EventSource(indicator.dataset.events);
    source.addEventListener("heartbeat", () => received(false));
    source.addEventListener("change", () => received(true));
    source.addEventListener("signed_out", () => {
      source.close();
      location.assign(indicator.dataset.signIn + encodeURIComponent(location.pathname + location.search));
    });
    source.onerror = lost;
  }

  if (indicator) {
    connect();
    // A browser that leaves a page closes its stream late; six of them would be all that it may have open.
    addEventListener("pagehide", () => { clearTimeout(watchdog); source.close(); });
    addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  }
})();
