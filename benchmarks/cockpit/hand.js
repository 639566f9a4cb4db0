// One swap, from the hand to the settled page with its layout. Milliseconds; a change that waits for more typing counts from the request.
async ({ name, selector, hand, by, fill, closes, mark, setOff }) => {
  // A hand comes to a page that has been painted: what the swap before set off is not this one's.
  await new Promise((done) => { setTimeout(() => requestIdleCallback(done, { timeout: 1000 }), 50); });
  const element = document.querySelector(selector);
  if (!element) throw new Error(`${name}: nothing here is ${selector}`);
  const touched = by ? element.querySelector(by) : element;
  element.closest("details")?.setAttribute("open", "");
  const fields = Object.entries(fill).map(([field, value]) => {
    const input = element.querySelector(`[name="${field}"]`);
    if (!input) throw new Error(`${name}: no field ${field}`);
    input.value = value;
    return input;
  });
  let ours = null;
  let began = 0;
  let open = 0;
  let settle = null;
  const settled = new Promise((done) => { settle = done; });
  const heard = {
    "htmx:configRequest": (event) => {
      if (ours === null && event.detail.elt === element) event.detail.headers["X-Swap"] = mark;
      else if (mark && event.detail.path.endsWith("/outlook")) event.detail.headers["X-Swap"] = `${setOff}#${mark}`;
    },
    "htmx:beforeSend": (event) => {
      open += 1;
      event.detail.xhr.addEventListener("loadend", () => { open -= 1; }); // htmx tells nobody, once its element is gone
      if (ours !== null || event.detail.elt !== element) return;
      ours = event.detail.xhr;
      if (hand === "change") began = performance.now();
    },
    "htmx:afterSettle": (event) => {
      if (event.detail.xhr !== ours) return;
      document.body.getBoundingClientRect(); // the layout is part of it
      settle({ took: performance.now() - began, below: document.querySelectorAll("[data-below][hidden]").length });
    },
    "htmx:responseError": (event) => settle({ wrong: `${event.detail.xhr.status} ${event.detail.xhr.responseText.slice(0, 400)}` }),
  };
  for (const [event, listen] of Object.entries(heard)) document.addEventListener(event, listen);
  setTimeout(() => settle({ wrong: "nothing settled" }), 20000);
  began = performance.now();
  if (hand === "click") touched.click();
  else if (hand === "submit") element.requestSubmit();
  else if (hand === "choose" || hand === "change") fields[0].dispatchEvent(new Event("change", { bubbles: true }));
  else if (hand === "poll") htmx.ajax("GET", element.getAttribute("hx-get"), { source: element });
  else htmx.trigger(document.body, hand);
  const outcome = await settled;
  if (outcome.below) {
    await new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); }); // as the page does: it was there first
    if (document.querySelector("[data-below][hidden]")) throw new Error(`${name}: what lies below stays hidden`);
    document.body.getBoundingClientRect();
    outcome.withBelow = performance.now() - began;
  }
  const frame = () => new Promise((done) => { setTimeout(done, 16); });
  await frame();
  const patience = performance.now() + 20000;
  while (open > 0 && performance.now() < patience) await frame(); // what an action sets off beside it
  for (const [event, listen] of Object.entries(heard)) document.removeEventListener(event, listen);
  if (closes) document.querySelector("dialog[open]")?.close();
  if (open > 0) throw new Error(`${name}: a request that it set off does not end`);
  if (outcome.wrong) throw new Error(`${name}: ${outcome.wrong}`);
  return { settled: outcome.took, with_below: outcome.withBelow ?? null };
}
