// The button does nothing at all.
"use strict";
for (const form of document.querySelectorAll("main form[method='post']")) {
  form.addEventListener("submit", (event) => event.preventDefault());
}
