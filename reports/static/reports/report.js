// Polls the progress of a report until it is made, then puts the finished page's content in place.
// It sends nothing while the page is hidden, keeps on trying while there is no connection, and stops with a link
// when the reader was logged out or may not see the report any more.

import { request, showEndIn } from "./polling.js";
import { showTimes } from "./live.js";

const EVERY = 1000;
const GONE = "This report was deleted, or you may not see it any more.";
const announcement = document.querySelector("[data-announcement]");
const report = document.getElementById("report");
const part = (name) => report.querySelector(`[data-${name}]`);
const shown = (number) => number.toLocaleString("en-US");

let timer = null;
let isPolling = false;
let said = "";

function say(text) {
  // Once for each state: a screen reader would not stop reading numbers that change every second.
  if (text !== said) announcement.textContent = said = text;
}

function hint(text) {
  part("hint").textContent = text;
  part("hint").hidden = !text;
}

function show(progress) {
  part("sentence").textContent = progress.sentence;
  part("seconds").textContent = shown(progress.seconds);
  part("rows").textContent = shown(progress.rows);
  part("total").textContent = progress.total === null ? "an unknown number of" : shown(progress.total);
  const bar = part("bar");
  if (progress.total) {
    bar.max = progress.total;
    bar.value = progress.rows;
  } else {
    bar.removeAttribute("value");
  }
  report.querySelector(".report-state").className = `report-state report-state-${progress.state}`;
  report.querySelector(".report-state").textContent = progress.state[0].toUpperCase() + progress.state.slice(1);
  hint(progress.hint);
  say(progress.sentence);
}

async function showEnd(sentence) {
  const { body, end } = await request(location.href, GONE);
  if (end) return end;
  const finished = new DOMParser().parseFromString(body, "text/html").getElementById("report");
  delete report.dataset.progress;
  report.dataset.state = finished.dataset.state;
  report.replaceChildren(...finished.children);
  showTimes();
  say(sentence);
  // Where the reader was is gone: they go on at the title.
  document.getElementById("what-title").focus({ preventScroll: true });
  return null;
}

async function poll() {
  const { body, end } = await request(report.dataset.progress, GONE);
  if (end) return end;
  const progress = JSON.parse(body);
  if (progress.is_over) return showEnd(progress.sentence);
  show(progress);
  return null;
}

async function refresh() {
  if (isPolling || !report.dataset.progress) return;
  isPolling = true;
  try {
    const end = await poll();
    if (end) {
      delete report.dataset.progress;
      showEndIn(part("hint"), end);
      part("hint").hidden = false;
      say(end.text);
    }
  } catch {
    hint("No connection, retrying. The report is made all the same.");
  }
  isPolling = false;
  schedule();
}

function schedule() {
  clearTimeout(timer);
  if (report.dataset.progress && !document.hidden) timer = setTimeout(refresh, EVERY);
}

schedule();
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
