// Asks the service for what changed since a page was loaded, and knows when asking again would be of no use.

const PATIENCE = 10000;
const RELOAD = "Load the page again";

// Answers the text, or the end: what there is to say, and what the link beside it promises. Throws what may
// pass by itself: no network, a busy database's 503, a restart.
export async function ask(address, gone) {
  const answer = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
  // The admin sends whoever is logged out to its login.
  if (answer.type === "opaqueredirect") return { end: { text: "You are logged out.", action: "Log in" } };
  if (answer.status === 403) return { end: { text: "You may not see this any more.", action: RELOAD } };
  if (answer.status === 404) return { end: { text: gone, action: RELOAD } };
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  return { body: await answer.text() };
}

// Says an end in `element`, with the link that leads on: this page again, which asks for the login where needed.
export function sayEnd(element, end) {
  const link = document.createElement("a");
  // Without the fragment: a link that differs in nothing else would load nothing.
  link.href = location.pathname + location.search;
  link.className = "text-link";
  link.textContent = end.action;
  element.replaceChildren(`${end.text} `, link);
}
