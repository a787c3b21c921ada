// <script src="https://FAULTWISE/panel/embed.js" data-token="TOKEN" async></script> puts the panel where it stands.
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
  addEventListener("message", (event) => {
    if (event.origin === home && event.source === frame.contentWindow && event.data && event.data.faultwise === "height") {
      frame.style.height = `${Math.min(20000, Math.max(120, Number(event.data.height) || 0))}px`;
    }
  });
})();
