// Draws the tables of figures as pictures with Chart.js; the table stays for those who read it and without scripts.
"use strict";
(() => {
  const style = (name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };
  const cells = (table) => [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
  const heads = (table) => [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());

  // A long label in lines of whole words; a run of Chinese is cut where it is long enough.
  function lines(label, width) {
    const parts = label.match(new RegExp(`\\S{1,${width}}\\s*`, "g")) || [label];
    return parts.reduce((all, part) => {
      const last = all[all.length - 1];
      if (last !== undefined && (last + part).trim().length <= width) all[all.length - 1] = last + part;
      else all.push(part);
      return all;
    }, []);
  }

  function frame(figure, height) {
    const drawing = figure.insertBefore(document.createElement("div"), figure.querySelector("details"));
    drawing.className = "drawing";
    drawing.style.height = `${height}px`;
    const canvas = drawing.appendChild(document.createElement("canvas"));
    canvas.setAttribute("aria-hidden", "true"); // the table says the same
    return canvas;
  }

  const kinds = {
    effects(table) {
      const rows = cells(table);
      const values = rows.map((row) => Number(row[2].replace("−", "-")));
      return {
        type: "bar",
        data: {
          labels: rows.map((row) => row[0]),
          datasets: [{ label: heads(table)[2], data: values, maxBarThickness: 16, borderRadius: 3,
            backgroundColor: values.map((value) => style(value > 0 ? "--warn" : "--good")) }],
        },
        options: { indexAxis: "y", plugins: { legend: { display: false } },
          scales: { x: { grid: { color: style("--line") }, title: { display: true, text: heads(table)[2] } },
            y: { grid: { display: false }, ticks: { autoSkip: false, callback(i) {
              return lines(this.getLabelForValue(i), 24);
            } } } } },
      };
    },
    timeline(table) {
      const rows = cells(table);
      const names = heads(table);
      const value = (text) => (text === "" ? null : Number(text));
      return {
        data: { labels: rows.map((row) => row[0]), datasets: [
          { type: "bar", label: names[1], data: rows.map((row) => value(row[1])), backgroundColor: style("--accent"), maxBarThickness: 18 },
          { type: "bar", label: names[2], data: rows.map((row) => value(row[2])), backgroundColor: style("--line"), maxBarThickness: 18 },
          { type: "line", label: names[3], data: rows.map((row) => value(row[3])), borderColor: style("--warn"), backgroundColor: style("--warn"), borderDash: [5, 4], borderWidth: 2, pointRadius: 2 },
        ] },
        plugins: [{ id: "measures", afterDatasetsDraw(chart) {
          // A measure is a line through its month, with its name on top.
          rows.forEach((row, i) => {
            if (!row[4]) return;
            const x = chart.scales.x.getPixelForValue(i);
            const { top, bottom } = chart.chartArea;
            const drawing = chart.ctx;
            drawing.save();
            drawing.strokeStyle = drawing.fillStyle = style("--good");
            drawing.lineWidth = 2;
            drawing.beginPath();
            drawing.moveTo(x, top);
            drawing.lineTo(x, bottom);
            drawing.stroke();
            drawing.font = `12px ${Chart.defaults.font.family}`;
            drawing.textAlign = x > (chart.chartArea.left + chart.chartArea.right) / 2 ? "right" : "left";
            drawing.fillText(row[4].length > 40 ? `${row[4].slice(0, 39)}…` : row[4], x + (drawing.textAlign === "left" ? 5 : -5), top + 10);
            drawing.restore();
          });
        } }],
        options: { plugins: { legend: { position: "bottom" } },
          scales: { x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 12 } }, y: { beginAtZero: true, grace: "15%", ticks: { precision: 0 }, grid: { color: style("--line") } } } },
      };
    },
    course(table) {
      const rows = cells(table);
      const names = heads(table);
      return {
        data: { labels: rows.map((row) => row[0]), datasets: [
          { type: "line", label: names[2], data: rows.map((row) => Number(row[2])), borderColor: style("--accent"), backgroundColor: style("--accent"), pointRadius: 0, borderWidth: 2 },
          { type: "bar", label: names[1], data: rows.map((row) => Number(row[1])), backgroundColor: style("--warn"), maxBarThickness: 28 }] },
        options: { plugins: { legend: { position: "bottom" } },
          scales: { x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } }, y: { beginAtZero: true, ticks: { precision: 0 }, grid: { color: style("--line") } } } },
      };
    },
    band(table) {
      // What was counted as bars, what is expected as a line inside its interval.
      const rows = cells(table);
      const names = heads(table);
      const value = (text) => (text === "" ? null : Number(text.replaceAll(",", "")));
      const line = (column, more) => ({ type: "line", label: names[column], data: rows.map((row) => value(row[column])), pointRadius: 0, borderWidth: 0, ...more });
      const counted = rows.some((row) => row[1] !== "");
      return {
        data: { labels: rows.map((row) => row[0]), datasets: [
          line(2, { borderColor: style("--warn"), backgroundColor: style("--warn"), borderDash: [5, 4], borderWidth: 2, pointRadius: 2 }),
          line(3, { borderColor: "transparent" }),
          line(4, { label: table.closest("[data-range]").dataset.range, borderColor: "transparent", backgroundColor: style("--line"), fill: "-1" }),
          ...(counted ? [{ type: "bar", label: names[1], data: rows.map((row) => value(row[1])), backgroundColor: style("--accent"), maxBarThickness: 18 }] : []),
        ] },
        options: { plugins: { legend: { position: "bottom", labels: { filter: (item) => item.datasetIndex !== 1 } } },
          scales: { x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 12 } }, y: { beginAtZero: true, ticks: { precision: 0 }, grid: { color: style("--line") } } } },
      };
    },
    days(table) {
      const rows = cells(table);
      const colours = ["--good", "--accent", "--muted", "--warn"];
      return {
        type: "bar",
        data: { labels: rows.map((row) => row[0]), datasets: heads(table).slice(1).map((name, i) => (
          { label: name, data: rows.map((row) => Number(row[i + 1])), backgroundColor: style(colours[i]), stack: "all", maxBarThickness: 36 })) },
        options: { plugins: { legend: { position: "bottom" } },
          scales: { x: { stacked: true, grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 12 } }, y: { stacked: true, beginAtZero: true, ticks: { precision: 0 }, grid: { color: style("--line") } } } },
      };
    },
  };

  function fold(figure) {
    // The picture says it; the figures stay a click away.
    const folded = document.createElement("details");
    const table = figure.querySelector("table");
    folded.appendChild(document.createElement("summary")).textContent = figure.dataset.figures;
    table.replaceWith(folded);
    folded.appendChild(table);
  }

  function draw(figure) {
    const table = figure.querySelector("table");
    const kind = figure.dataset.chart;
    const canvas = frame(figure, kind === "effects" ? 70 + 36 * table.tBodies[0].rows.length : 260);
    const { options, ...rest } = kinds[kind](table);
    figure.chart = new Chart(canvas, { ...rest, options: { ...options, responsive: true, maintainAspectRatio: false, animation: false } });
  }

  function all(within) {
    Chart.defaults.color = style("--muted");
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    within.querySelectorAll("[data-chart]").forEach((figure) => {
      if (figure.chart) {
        figure.chart.destroy();
        figure.querySelector(".drawing").remove();
      } else {
        fold(figure);
      }
      draw(figure);
    });
  }

  function begin() {
    all(document);
    document.addEventListener("htmx:afterSwap", (event) => all(event.detail.elt.parentElement || document));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all(document));
  }

  // The library is the largest file of all: a page is painted first, and its pictures follow.
  const library = Object.assign(document.createElement("script"), { src: document.currentScript.dataset.library, onload: begin });
  requestAnimationFrame(() => setTimeout(() => document.head.append(library)));
})();
