// Runs at the start of every page: notes vitals, the user's last action, and when the page came to rest.
// `webVitals` is the web-vitals library, put before this text in the same function. All numbers are milliseconds.
{
  const STORE = "__gapwatch";
  const now = () => performance.timeOrigin + performance.now();
  const state = { vitals: {}, lastMutation: 0, leaving: false, mutations: 0 };

  // A page left by a click is gone before anyone can ask it; what it knew waits in the tab's own storage.
  const load = () => {
    try { return JSON.parse(sessionStorage.getItem(STORE) || "{}"); } catch { return {}; }
  };
  const save = (change) => {
    try { sessionStorage.setItem(STORE, JSON.stringify({ ...load(), ...change })); } catch { /* storage is off */ }
  };

  // The browser keeps 250 entries otherwise, and a heavy page has more.
  performance.setResourceTimingBufferSize(5000);
  const { onCLS, onFCP, onINP, onLCP } = webVitals;
  const note = (metric) => { state.vitals[metric.name.toLowerCase()] = metric.value; };
  for (const watch of [onCLS, onFCP, onINP, onLCP]) watch(note, { reportAllChanges: true });

  const round = (value) => (typeof value === "number" && isFinite(value) ? value : null);

  function page() {
    const nav = performance.getEntriesByType("navigation")[0];
    const resources = performance.getEntriesByType("resource");
    const seen = (value) => (value > 0 ? value : null);
    // Another origin hides its sizes unless it sends Timing-Allow-Origin: then the weight is not known, rather than too small.
    const hidden = (entry) => entry.transferSize === 0 && entry.decodedBodySize === 0 && entry.responseStart === 0
      && entry.name.startsWith("http") && new URL(entry.name).origin !== location.origin;
    let bytes = nav ? nav.transferSize : 0;
    for (const entry of resources) bytes += entry.transferSize || 0;
    if (resources.some(hidden)) bytes = null;
    const { cls, fcp, inp, lcp } = state.vitals;
    return {
      origin: performance.timeOrigin,
      url: location.href,
      status: nav && nav.responseStatus ? nav.responseStatus : null,
      ttfb: nav ? seen(nav.responseStart) : null,
      dcl: nav ? seen(nav.domContentLoadedEventEnd) : null,
      load: nav ? seen(nav.loadEventEnd) : null,
      fcp: round(fcp), lcp: round(lcp), cls: round(cls), inp: round(inp),
      requests: resources.length + 1,
      bytes,
      failed: resources
        .filter((entry) => entry.responseStatus >= 400)
        .slice(0, 20)
        .map((entry) => ({ url: entry.name, status: entry.responseStatus, type: entry.initiatorType })),
    };
  }

  const MAX_PAGES = 50;
  const leave = () => {
    const mine = page();
    const left = (load().left || []).filter((each) => each.origin !== mine.origin);
    save({ left: [...left, mine].slice(-MAX_PAGES) });
  };
  // Both: engines differ in which of them comes last, and the later one has the final vitals.
  addEventListener("pagehide", leave);
  addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") leave(); });
  addEventListener("beforeunload", () => { state.leaving = true; });

  // The user's wait starts with the event that the browser itself stamped, not when the driver was told to act.
  const act = (event) => {
    if (event.isTrusted) save({ action: performance.timeOrigin + event.timeStamp });
  };
  for (const type of ["mousedown", "click", "keydown", "change", "input", "submit"]) {
    addEventListener(type, act, { capture: true, passive: true });
  }

  new MutationObserver(() => { state.lastMutation = now(); state.mutations += 1; })
    .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });

  const frames = (count) => new Promise((resolve) => {
    // A page that is not painted (background, blank) runs no frames; it must not hold us.
    const timer = setTimeout(resolve, 100);
    const next = () => {
      if (count-- > 0) requestAnimationFrame(next);
      else { clearTimeout(timer); resolve(); }
    };
    next();
  });
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  async function loaded() {
    while (true) {
      const nav = performance.getEntriesByType("navigation")[0];
      if (document.readyState === "complete" && (!nav || nav.loadEventEnd > 0)) return;
      await (document.readyState === "complete" ? sleep(1) : new Promise((resolve) => {
        addEventListener("load", () => resolve(), { once: true });
      }));
    }
  }

  async function quiet(ms, limit) {
    const end = now() + limit;
    while (now() < end) {
      const since = Math.max(state.lastMutation, state.armed || 0);
      const left = since + ms - now();
      if (left <= 0 && !state.leaving) return;
      await sleep(Math.max(1, state.leaving ? 20 : left));
    }
  }

  window.__gapwatch = {
    arm() {
      state.armed = now();
      state.mutations = 0;
      save({ action: null, armedOrigin: performance.timeOrigin });
      return state.armed;
    },
    // Resolves when the page has come to rest after an action. Where the action leads to another page, this context
    // ends first and the caller asks the new page.
    async settle(quietMs, limitMs) {
      const sameDocument = load().armedOrigin === performance.timeOrigin;
      await loaded();
      if (sameDocument) await quiet(quietMs, limitMs);
      else await frames(2);
      return this.rest();
    },
    rest() {
      const kept = load();
      const sameDocument = kept.armedOrigin === performance.timeOrigin;
      const nav = performance.getEntriesByType("navigation")[0];
      const action = kept.action || null;
      const ended = sameDocument
        ? Math.max(state.lastMutation, action || 0)
        : performance.timeOrigin + (nav ? nav.loadEventEnd : 0);
      return {
        wait: action && ended >= action ? ended - action : null,
        sameDocument,
        mutations: state.mutations,
        leaving: state.leaving,
      };
    },
    report() {
      const left = load().left || [];
      save({ left: [] });
      return { page: page(), left };
    },
  };
}
