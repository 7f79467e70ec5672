// The button answers with a spinner that never ends.
"use strict";
for (const form of document.querySelectorAll("main form[method='post']")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type='submit']");
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    button.classList.add("busy");
    button.textContent = document.documentElement.lang === "en" ? "Please wait…" : "Mohon tunggu…";
  });
}
