// Makes the form quicker: periods by name, a search among the events, no second report by a second click.
// Nothing here is needed: the form works without it.

const form = document.querySelector("form.ask");
const all = (selector) => [...form.querySelectorAll(selector)];

// Periods by name --------------------------------------------------------------------------------------------

const [first, last] = [form.elements.start, form.elements.last];
const presets = all(".presets button");

function showPreset() {
  for (const each of presets) {
    each.ariaPressed = String(each.dataset.first === first.value && each.dataset.last === last.value);
  }
}

for (const each of presets) {
  each.addEventListener("click", () => {
    first.value = each.dataset.first;
    last.value = each.dataset.last;
    showPreset();
  });
}
for (const each of [first, last]) each.addEventListener("input", showPreset);

// Events -----------------------------------------------------------------------------------------------------

const choice = form.querySelector("[data-choice]");
const chosen = form.querySelector("[data-chosen]");

function showChosen() {
  const count = all(".event input:checked").length;
  chosen.textContent = count ? `${count} chosen.` : "None chosen means all that you may see.";
}

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const each of all(".event")) {
    const name = each.textContent.toLowerCase();
    // What is chosen stays in sight, or it would be forgotten.
    each.hidden = !words.every((word) => name.includes(word)) && !each.querySelector("input").checked;
    found += !each.hidden;
  }
  form.querySelector("[data-none-found]").hidden = found > 0;
}

function showWhetherItHasEvents() {
  const report = form.querySelector(".option input[name=report]:checked");
  const hasNone = report !== null && "notAboutEvents" in report.closest(".option").dataset;
  for (const each of [choice, chosen]) if (each) each.hidden = hasNone;
  form.querySelector("[data-no-events]").hidden = !hasNone;
}

if (choice) {
  const box = form.querySelector(".search");
  box.hidden = false;
  const field = box.querySelector("input");
  field.addEventListener("input", () => search(field.value));
  // Enter would ask for the report.
  field.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  choice.addEventListener("change", showChosen);
  showChosen();
}
for (const each of all("input[name=report]")) each.addEventListener("change", showWhetherItHasEvents);

// Sending ----------------------------------------------------------------------------------------------------

const send = form.querySelector("button[type=submit]");

function setSending(isSending) {
  send.ariaDisabled = String(isSending);
  send.textContent = isSending ? "Asking for it" : "Make the report";
}

form.addEventListener("submit", (event) => {
  if (send.ariaDisabled === "true") event.preventDefault();
  setSending(true);
});
// Back in the browser shows the page as it was left.
addEventListener("pageshow", () => setSending(false));

showPreset();
showWhetherItHasEvents();
document.getElementById("problem")?.focus();
