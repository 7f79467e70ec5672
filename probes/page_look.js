// What a citizen can see of the page now, bounded: the texts that stand where messages stand, and the form fields.
// Called with the texts' and the lists' bounds; reads, never changes.
({ maxText, maxItems }) => {
  const visible = (element) => {
    if (!element.getClientRects().length) return false;
    const style = getComputedStyle(element);
    return style.visibility !== "hidden" && style.display !== "none" && style.opacity !== "0";
  };
  const text = (element) => (element.innerText || element.textContent || "").replace(/\s+/g, " ").trim().slice(0, maxText);
  const all = (selector) => [...document.querySelectorAll(selector)].slice(0, 500);
  const texts = (selector) => all(selector).filter(visible).map(text).filter(Boolean).slice(0, maxItems);

  // Places where a site speaks to the person in front of it; an article's own text is not among them.
  const ALERT = "[role=alert], [role=alertdialog], [aria-live=assertive], dialog[open]";
  const STATUS = "[role=status], [aria-live=polite], .toast, .snackbar, .notification";
  const ERROR = "[class*=error i]:not(body):not(html):not(main), [id*=error i], .alert-danger, .invalid-feedback";
  const inArticle = (element) => element.closest("article") !== null;

  const labelOf = (field) => {
    const byId = (field.getAttribute("aria-labelledby") || "").split(/\s+/).map((id) => id && document.getElementById(id));
    const named = byId.filter(Boolean).map(text).join(" ");
    if (named) return named;
    if (field.getAttribute("aria-label")) return field.getAttribute("aria-label");
    const labels = field.labels ? [...field.labels].map(text).filter(Boolean) : [];
    return labels.join(" ");
  };
  const groupOf = (field) => {
    const group = field.closest("fieldset, [role=radiogroup], [role=group]");
    if (!group) return "";
    const legend = group.querySelector("legend");
    return legend ? text(legend) : group.getAttribute("aria-label") || "";
  };
  const helpOf = (field) => {
    const ids = (field.getAttribute("aria-describedby") || "").split(/\s+/).filter(Boolean);
    const described = ids.map((id) => document.getElementById(id)).filter(Boolean);
    return described.some((element) => !element.matches("[role=alert], [class*=error i]") && text(element))
      || Boolean(field.getAttribute("placeholder")) || Boolean(field.title);
  };
  const radios = new Set();
  const fields = all("input, select, textarea")
    .filter((field) => !["hidden", "submit", "button", "image", "reset"].includes(field.type) && visible(field))
    .filter((field) => {
      // The choices of one radio group are one question.
      if (field.type !== "radio") return true;
      const key = `${field.form ? [...document.forms].indexOf(field.form) : -1}:${field.name}`;
      if (radios.has(key)) return false;
      radios.add(key);
      return true;
    })
    .slice(0, maxItems * 5)
    .map((field) => {
      const label = field.type === "radio" ? groupOf(field) || labelOf(field) : labelOf(field);
      return {
        key: `${field.name || field.id}`.slice(0, 80),
        label: (label || field.placeholder || field.name || "").slice(0, maxText),
        name: (field.name || "").slice(0, 80),
        autocomplete: (field.autocomplete || "").slice(0, 40),
        type: field.tagName === "INPUT" ? field.type : field.tagName.toLowerCase(),
        required: field.required || field.getAttribute("aria-required") === "true",
        hasLabel: Boolean(label),
        hasHelp: helpOf(field),
        invalid: field.getAttribute("aria-invalid") === "true",
        filled: ["checkbox", "radio"].includes(field.type)
          ? Boolean(field.type === "radio" && field.name
              ? document.querySelector(`input[name="${CSS.escape(field.name)}"]:checked`) : field.checked)
          : Boolean(field.value),
        search: field.type === "search" || Boolean(field.closest("[role=search], search")),
      };
    });

  const body = document.body;
  const shown = body ? text(body) : "";
  const drawn = all("img, svg, canvas, video, iframe, object, embed, input, button").some(visible);
  return {
    url: location.href,
    title: document.title.slice(0, maxText),
    headings: texts("h1, h2").slice(0, 5),
    alerts: texts(ALERT),
    statuses: texts(STATUS),
    errors: all(ERROR).filter((each) => visible(each) && !inArticle(each)).map(text).filter(Boolean).slice(0, maxItems),
    text: shown,
    textLength: body ? body.innerText.trim().length : 0,
    blank: !shown && !drawn,
    article: document.querySelector("main article, article") !== null,
    busy: document.querySelector("[aria-busy=true], [role=progressbar], button[disabled][aria-busy], .spinner") !== null,
    password: all("input[type=password]").some(visible),
    captcha: all("iframe[src*=captcha i], iframe[title*=captcha i], [class*=captcha i], [id*=captcha i], [id^=challenge-]")
      .length > 0,
    insecure: location.protocol === "https:"
      ? performance.getEntriesByType("resource").filter((e) => e.name.startsWith("http:")).slice(0, 5).map((e) => e.name)
      : [],
    fields,
  };
}
