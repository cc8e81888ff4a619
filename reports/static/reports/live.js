// Refreshes the numbers of a page without loading it again. It sends nothing while the page is hidden, keeps
// the last numbers while there is no connection, and says so. Once the reader was logged out or may not see them
// any more, it says that with a link, and sends nothing more until they come back to the page.

import { request, showEndIn } from "./polling.js";
import { showMinutes, showSales } from "./charts.js";

const EVERY = 5000;
const GONE = "This event is gone, or you may not see it any more. These are the last numbers.";
const page = document.querySelector(".evening");
const all = (selector, from = page) => from.querySelectorAll(selector);
const shown = (number) => number.toLocaleString("en-US");

function write(element, text) {
  // Only what changed: a reader's selection and the screen reader's place stay.
  if (element.textContent !== text) element.textContent = text;
}

// Instants, on the reader's own clock ------------------------------------------------------------------------

function age(instant) {
  const minutes = Math.floor((Date.now() - new Date(instant)) / 60000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1440)} days ago`;
}

function local(instant) {
  const at = new Date(instant);
  return at.toLocaleString([], { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
}

export function showTimes() {
  for (const time of all("time")) {
    if (!time.dateTime) continue;
    write(time, "age" in time.dataset ? age(time.dateTime) : local(time.dateTime));
  }
}

// Numbers ----------------------------------------------------------------------------------------------------

function showProgress(bar, event) {
  bar.hidden = !event.sold_count;
  bar.max = event.sold_count || 1;
  bar.value = event.admitted_count;
}

function showTotals(totals, minutes) {
  for (const each of all("[data-total]")) write(each, shown(totals[each.dataset.total]));
  for (const bar of all(".figures [data-progress]")) showProgress(bar, totals);
  for (const each of all("[data-rate]")) write(each, shown(minutes.last_minute));
}

function showEvent(row, event) {
  row.dataset.event = event.event_id;
  const name = row.querySelector("[data-name]");
  write(name, event.name);
  name.href = event.url;
  for (const each of all("[data-number]", row)) write(each, shown(event[each.dataset.number]));
  for (const bar of all("[data-progress]", row)) showProgress(bar, event);
  for (const time of all("[data-time]", row)) {
    time.dateTime = event[time.dataset.time] ?? "";
    if (!time.dateTime) write(time, "age" in time.dataset ? "none yet" : "");
  }
}

function showEvents(events) {
  const body = document.getElementById("events");
  if (!body) {
    for (const each of all("[data-missing]")) write(each, shown(events[0].missing_count));
    return;
  }
  const rows = new Map([...body.rows].map((row) => [row.dataset.event, row]));
  const template = document.getElementById("event-row").content.firstElementChild;
  const now = events.map((event) => {
    const row = rows.get(event.event_id) ?? template.cloneNode(true);
    showEvent(row, event);
    return row;
  });
  // Moving a row takes the keyboard's focus from its link: only when the order changed.
  if (now.length !== body.rows.length || now.some((row, at) => body.rows[at] !== row)) body.replaceChildren(...now);
  page.querySelector("[data-events]").hidden = !events.length;
  page.querySelector("[data-no-events]").hidden = events.length > 0;
  write(page.querySelector("[data-event-count]"), shown(events.length));
}

function showRefusals(refusals) {
  const items = refusals.map((each) => {
    const item = document.createElement("li");
    const [label, count, bar] = ["span", "b", "progress"].map((name) => document.createElement(name));
    label.textContent = each.label;
    count.textContent = shown(each.refused_count);
    bar.max = refusals[0].refused_count;
    bar.value = each.refused_count;
    bar.ariaHidden = "true";
    item.append(label, count, bar);
    return item;
  });
  document.getElementById("refusals").replaceChildren(...items);
  page.querySelector("[data-no-refusals]").hidden = refusals.length > 0;
}

function showPool(pool) {
  for (const each of all("[data-pool]")) write(each, shown(pool[each.dataset.pool]));
  for (const gauge of all("[data-pool-gauge]")) {
    gauge.max = pool.max;
    gauge.value = pool.checked_out;
  }
}

function showAll(numbers) {
  showTotals(numbers.totals, numbers.minutes);
  showEvents(numbers.events);
  const isQuiet = !numbers.minutes.series.length;
  page.querySelector("[data-no-minutes]").hidden = !isQuiet;
  page.querySelector("#minutes-chart").parentElement.hidden = isQuiet;
  showMinutes(numbers.minutes);
  showRefusals(numbers.refusals);
  showPool(numbers.pool);
  showTimes();
}

// Polling ----------------------------------------------------------------------------------------------------

let timer = null;
let isPolling = false;

function say(state, text) {
  page.querySelector("[data-dot]").className = `dot is-${state}`;
  write(page.querySelector("[data-state]"), text);
}

async function refresh() {
  if (isPolling) return;
  isPolling = true;
  let isOver = false;
  try {
    const { body, end } = await request(page.dataset.live, GONE);
    isOver = Boolean(end);
    if (isOver) {
      say("lost", "");
      showEndIn(page.querySelector("[data-state]"), end);
    } else {
      const numbers = JSON.parse(body);
      showAll(numbers);
      say("live", "Live");
      write(page.querySelector("[data-updated]"), `updated ${new Date(numbers.at).toLocaleTimeString()}`);
    }
  } catch {
    say("lost", "No connection, retrying. These are the last numbers");
  }
  isPolling = false;
  if (!isOver) schedule();
}

function schedule() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, EVERY);
}

function begin() {
  showAll(JSON.parse(document.getElementById("live-data").textContent));
  say("live", "Live");
  schedule();
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
}

const sales = document.getElementById("sales-data");
if (sales) showSales(JSON.parse(sales.textContent));
if (page.dataset.live) begin();
else showTimes();
