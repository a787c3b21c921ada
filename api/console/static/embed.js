// <script src="https://FAULTWISE/panel/embed.js" data-token="TOKEN" async></script> puts the panel where it stands.
// data-reply="#css" and data-note="#css" name the fields of the page into which a fix is written with one click.
"use strict";
(() => {
  const script = document.currentScript;
  const home = new URL(script.src).origin;
  const frame = document.createElement("iframe");
  frame.title = "Faultwise";
  frame.src = `${home}/panel?token=${encodeURIComponent(script.dataset.token || "")}`;
  frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox");
  frame.style.cssText = "border:0;width:100%;height:600px";
  script.after(frame);
  function insert(field, text) {
    const selector = field === "note" ? script.dataset.note : script.dataset.reply;
    const target = selector && document.querySelector(selector);
    if (!target) return;
    target.value = target.value ? `${target.value.trimEnd()}\n\n${text}` : text;
    target.dispatchEvent(new Event("input", { bubbles: true }));
    target.dispatchEvent(new Event("change", { bubbles: true }));
  }
  addEventListener("message", (event) => {
    if (event.origin !== home || event.source !== frame.contentWindow || !event.data) return;
    if (event.data.faultwise === "height") {
      frame.style.height = `${Math.min(20000, Math.max(120, Number(event.data.height) || 0))}px`;
    }
    if (event.data.faultwise === "insert") insert(event.data.field, String(event.data.text));
  });
})();
