// Two charts by the Chart.js that unfold brings, and beside each the same numbers as text and as a table.

const COLOURS = ["#0d9488", "#6366f1", "#f59e0b", "#ec4899", "#0ea5e9", "#84cc16", "#94a3b8"];
const charts = [];

const shown = (number) => number.toLocaleString("en-US");
const clock = (instant) => new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
// A day without a time is a day in UTC: no browser may move it to the day before.
const day = (text) => new Date(text).toLocaleDateString([], { day: "numeric", month: "short", timeZone: "UTC" });
const total = (series, at) => series.reduce((sum, line) => sum + line.counts[at], 0);

function ink() {
  const isDark = document.documentElement.classList.contains("dark");
  return { text: isDark ? "#cbd5e1" : "#475569", grid: isDark ? "rgb(148 163 184 / 15%)" : "rgb(100 116 139 / 15%)" };
}

function options() {
  const { text, grid } = ink();
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: { position: "bottom", align: "start", labels: { color: text, boxWidth: 10, boxHeight: 10, padding: 14 } },
    },
    scales: {
      x: { stacked: true, grid: { display: false }, ticks: { color: text, maxRotation: 0, autoSkipPadding: 24 } },
      y: { stacked: true, beginAtZero: true, border: { display: false }, grid: { color: grid }, ticks: { color: text, precision: 0 } },
    },
  };
}

function datasets(series) {
  return series.map((line, at) => ({
    label: line.label,
    data: line.counts,
    backgroundColor: COLOURS[at % COLOURS.length],
    borderRadius: 2,
    categoryPercentage: 0.9,
    barPercentage: 0.95,
  }));
}

function draw(canvas, labels, series) {
  let chart = charts.find((each) => each.canvas === canvas);
  if (!chart) {
    chart = new window.Chart(canvas, { type: "bar", data: { labels: [], datasets: [] }, options: options() });
    charts.push(chart);
  }
  chart.data.labels = labels;
  chart.data.datasets = datasets(series);
  chart.update("none");
}

function cell(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  if (name === "th") element.scope = "col";
  return element;
}

function tabulate(table, first, labels, series) {
  const head = document.createElement("thead");
  head.append(document.createElement("tr"));
  head.firstChild.append(cell("th", first), ...series.map((line) => cell("th", line.label)));
  const body = document.createElement("tbody");
  labels.forEach((label, at) => {
    const row = document.createElement("tr");
    row.append(cell("td", label), ...series.map((line) => cell("td", shown(line.counts[at]))));
    body.append(row);
  });
  table.replaceChildren(head, body);
}

function summary(what, labels, series) {
  const sums = labels.map((_, at) => total(series, at));
  const most = Math.max(...sums);
  const all = sums.reduce((sum, each) => sum + each, 0);
  return `${what}: ${shown(all)} in all${all ? `, most at ${labels[sums.indexOf(most)]} (${shown(most)})` : ""}`;
}

function show(name, what, first, labels, series) {
  const canvas = document.getElementById(`${name}-chart`);
  if (!canvas) return;
  draw(canvas, labels, series);
  canvas.setAttribute("aria-label", summary(what, labels, series));
  tabulate(document.getElementById(`${name}-table`), first, labels, series);
}

export function showMinutes({ starts, series }) {
  show("minutes", "Admissions per minute over the last hour", "Minute", starts.map(clock), series);
}

export function showSales({ days, series }) {
  show("sales", "Tickets sold a day over the last 30 days", "Day", days.map(day), series);
}

// The theme is a class of the whole page: the reader may change it at any time.
new MutationObserver(() => {
  for (const chart of charts) {
    chart.options = options();
    chart.update("none");
  }
}).observe(document.documentElement, { attributeFilter: ["class"] });
