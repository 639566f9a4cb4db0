// What no server can do: keys, the theme at once, dialogs, what a chart says under the pointer, and keeping what was typed.
// Every page works without it.
(() => {
  "use strict";
  const KEPT = "oodaloo.typed";
  const find = (selector, root = document) => root.querySelector(selector);
  const every = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Theme: at once, and in a cookie for the next page.
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("button[name=theme]");
    if (!choice) return;
    event.preventDefault();
    const theme = choice.value === "system" ? "" : choice.value;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; SameSite=Lax; Max-Age=${theme ? 31536000 : 0}${secure}`;
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    every("button[name=theme]").forEach((one) => one.setAttribute("aria-pressed", String(one === choice)));
  });

  // On a narrow screen the row of pages scrolls: the one that is open is brought into sight.
  every("nav.tabs, nav.side").forEach((row) => {
    const link = find("[aria-current]", row);
    if (link) row.scrollLeft += link.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - link.offsetWidth) / 2;
  });

  // A menu closes when the person goes elsewhere.
  document.addEventListener("click", (event) => {
    every("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  // Dialogs: a button names its own; what htmx swaps into one opens it.
  const open = (dialog) => { if (dialog && !dialog.open && dialog.showModal) dialog.showModal(); };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) open(document.getElementById(opener.dataset.opens));
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog")?.close();
    if (event.target.closest("[data-print]")) print();
  });

  // Keys.
  let leader = "";
  const rows = () => every("[data-row]").filter((row) => row.offsetParent !== null);
  const current = () => find("[data-row].at");
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step))];
    all.forEach((row) => row.classList.toggle("at", row === next));
    (find("[data-open], a, button", next) || next).focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  const press = (name) => { const at = current(); const target = at && find(`[data-key="${name}"]`, at); if (target) target.click(); };
  const KEYS = {
    "?": () => open(document.getElementById("keys")),
    j: () => move(1),
    k: () => move(-1),
    a: () => press("a"),
    s: () => press("s"),
    "/": () => find("[data-search]")?.focus(),
    Enter: () => { const at = current(); const link = at && find("[data-open]", at); if (link) link.click(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape") every("details.menu[open]").forEach((menu) => { menu.open = false; });
    if (event.target.closest("input, select, textarea, dialog[open], [contenteditable]")) return;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    const key = leader === "g" && event.key === "p" ? "g p" : event.key;
    leader = event.key === "g" ? "g" : "";
    if (key === "g p") { location.assign("/"); return; }
    if (KEYS[key]) { event.preventDefault(); KEYS[key](); }
  });

  // What a chart says where the pointer is; its table says the same to everybody.
  const tell = (mark) => {
    const figure = mark.closest("figure.chart");
    const readout = figure && find(".readout", figure);
    if (readout) readout.textContent = mark.dataset.told || "";
    if (figure) every(".hit.at", figure).forEach((one) => one.classList.remove("at"));
    mark.classList.add("at");
  };
  document.addEventListener("pointerover", (event) => { const mark = event.target.closest?.("[data-told]"); if (mark) tell(mark); });

  // What was typed is kept while a form is sent, and put back when the person had to sign in first.
  const secret = (field) => ["password", "hidden", "submit", "file"].includes(field.type) || field.autocomplete === "one-time-code";
  const typed = (form) => every("input, select, textarea", form).filter((field) => field.name && !secret(field));
  const place = () => location.pathname + location.search;
  const isSignIn = () => location.pathname.startsWith("/sign-in");
  const keep = () => {
    if (isSignIn()) return;
    const forms = every("form[method=post], form[hx-post]").map((form) => ({
      to: form.getAttribute("action") || form.getAttribute("hx-post") || "",
      fields: typed(form).map((field) => [field.name, ["checkbox", "radio"].includes(field.type) ? [field.value, field.checked] : field.value]),
    }));
    try { sessionStorage.setItem(KEPT, JSON.stringify({ place: place(), forms })); } catch { /* full or forbidden: nothing is kept */ }
  };
  const restore = () => {
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(KEPT)); } catch { /* nothing that can be read */ }
    if (isSignIn()) {
      const form = find("main form");
      if (kept && form && !form.elements.next) {
        const wanted = Object.assign(document.createElement("input"), { type: "hidden", name: "next", value: kept.place });
        form.append(wanted);
      }
      return;
    }
    sessionStorage.removeItem(KEPT);
    if (!kept || kept.place !== place() || !document.referrer.includes("/sign-in")) return;
    for (const { to, fields } of kept.forms) {
      const form = every("form").find((one) => (one.getAttribute("action") || one.getAttribute("hx-post") || "") === to);
      if (form) fields.forEach(([name, value]) => typed(form).filter((field) => field.name === name).forEach((field) => {
        if (!Array.isArray(value)) field.value = value;
        else if (field.value === value[0]) field.checked = value[1];
      }));
    }
  };
  document.addEventListener("submit", (event) => { if (event.target.method === "post" && !event.target.action.endsWith("/sign-out")) keep(); });
  document.addEventListener("htmx:beforeRequest", keep);
  restore();

  // htmx: a session that ended asks for the sign-in; another refusal is told in the page.
  document.addEventListener("htmx:responseError", (event) => {
    const { status, responseText } = event.detail.xhr;
    if (status === 401) { keep(); open(document.getElementById("signed-out")); return; }
    flash(new DOMParser().parseFromString(responseText, "text/html").body.textContent.trim());
  });
  document.addEventListener("htmx:sendError", () => flash(find("#flash")?.dataset.offline || ""));
  const flash = (text) => {
    const place = find("#flash");
    if (!place) return;
    const told = document.createElement("p");
    told.className = "alert";
    told.textContent = text;
    place.replaceChildren(told);
    place.scrollIntoView({ block: "nearest" });
  };
  // Who comes back to a page that was left open sees what is new since.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && window.htmx) window.htmx.trigger(document.body, "wake");
  });
  // How long something can still be undone; the server has the last word, and is asked when it is over.
  setInterval(() => every("[data-seconds]").forEach((one) => {
    one.dataset.seconds = one.textContent = String(Math.max(0, Number(one.dataset.seconds) - 1));
  }), 1000);
  const signIn = find("[data-sign-in]");
  if (signIn) signIn.href = `/sign-in?next=${encodeURIComponent(place())}`;

  // htmx takes leave of each element that it removes, one by one and by two events: half the time that a long list's swap takes. What
  // it keeps of those inside (timers, listeners elsewhere) ends by itself once they are out of the page. It does the same to what is
  // marked with hx-disable and stays: nothing of ours is. Texts are told of, too.
  document.addEventListener("htmx:beforeCleanupElement", ({ target }) => { if (target instanceof Element) target.replaceChildren(); });

  // Rows that lie below what is seen are laid out once the others are painted: that is most of the time that a long list takes. Not
  // where they would widen a column. A list that looks again by itself stays where the person had scrolled it to.
  let isBelow = false, scrolled = 0;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target, requestConfig } }) => {
    const box = find(".table-box", target), below = find("[data-below]", target);
    const top = below ? below.getBoundingClientRect().top : 0;
    isBelow = top > innerHeight && top > box.getBoundingClientRect().bottom && matchMedia("(min-width: 80rem)").matches && !document.hidden;
    scrolled = requestConfig.elt === target && box ? box.scrollTop : 0;
  });
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    const swapped = target && document.getElementById(target.id); // htmx's own going back in history has none
    const below = isBelow && swapped && find("[data-below]", swapped);
    if (below) {
      below.hidden = true;
      requestAnimationFrame(() => setTimeout(() => { below.hidden = false; }));
    }
    if (scrolled && swapped) find(".table-box", swapped)?.scrollTo({ top: scrolled, behavior: "instant" });
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    // What is put into a dialog opens it; a part inside that comes later does not: somebody may have closed it since.
    const { target } = event.detail;
    if (target?.matches?.("dialog") && target.innerHTML.trim()) open(target);
  });
})();
