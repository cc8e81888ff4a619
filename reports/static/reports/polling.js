// Requests what changed since a page was loaded, and finds out when to stop polling.

const TIMEOUT_MS = 10000;
const RELOAD = "Load the page again";

// Returns the body, or the end: a text, and the text of a link. Throws what may be over soon: no network, a full
// pool's 503, a restart.
export async function request(address, gone) {
  const answer = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
  // The admin redirects those who are logged out to its login.
  if (answer.type === "opaqueredirect") return { end: { text: "You are logged out.", action: "Log in" } };
  if (answer.status === 403) return { end: { text: "You may not see this any more.", action: RELOAD } };
  if (answer.status === 404) return { end: { text: gone, action: RELOAD } };
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  return { body: await answer.text() };
}

// Shows an end in `element`, with a link to this page, which asks for the login where needed.
export function showEndIn(element, end) {
  const link = document.createElement("a");
  // Without the fragment: a link that differs in nothing else would load nothing.
  link.href = location.pathname + location.search;
  link.className = "text-link";
  link.textContent = end.action;
  element.replaceChildren(`${end.text} `, link);
}
