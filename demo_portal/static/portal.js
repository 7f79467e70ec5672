// Small helpers; every page works without them, except that a ticket must then be reloaded by hand.
"use strict";
for (const button of document.querySelectorAll("button[data-fill]")) {
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.fill);
    field.value = document.getElementById(button.dataset.from).textContent.trim();
    field.focus();
  });
}
for (const notice of document.querySelectorAll("[data-poll]")) {
  const ask = async () => {
    try {
      const answer = await fetch(notice.dataset.poll, { headers: { Accept: "application/json" } });
      if (answer.ok && (await answer.json()).answered) {
        location.reload();
        return;
      }
    } catch {
      // The portal may be restarting: ask again.
    }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
}
