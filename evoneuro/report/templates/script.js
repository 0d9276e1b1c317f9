"use strict";
(() => {
  const all = (query, root = document) => [...root.querySelectorAll(query)];

  // Light or dark: as the system says, until it is switched.
  const root = document.documentElement, theme = document.getElementById("theme");
  const remembered = { get() { try { return localStorage.getItem("evoneuro-theme"); } catch { return null; } },
                       set(value) { try { localStorage.setItem("evoneuro-theme", value); } catch { /* none is kept */ } } };
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { theme.textContent = dark() ? "Light" : "Dark"; theme.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} colours`); };
  if (["light", "dark"].includes(remembered.get())) root.dataset.theme = remembered.get();
  theme.hidden = false;
  name();
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; remembered.set(root.dataset.theme); name(); });

  // Networks: pointed at, they are shown; pressed, they open.
  const tip = document.getElementById("tip"), dialog = document.getElementById("network");
  const template = (id) => all("template[data-net]").find((t) => t.dataset.net === id);
  const mark = (id, on) => all("[data-net]").forEach((e) => { if (e.dataset.net === id && e.tagName !== "TEMPLATE") (e.closest("tr") || e).classList.toggle("lit", on); });
  const show = (element) => {
    const found = template(element.dataset.net);
    if (!found || !tip) return;
    tip.replaceChildren(found.content.querySelector("svg").cloneNode(true));
    const line = document.createElement("div");
    line.textContent = element.dataset.said || element.getAttribute("aria-label");
    tip.append(line);
    tip.hidden = false;
    const place = element.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, place.right + 12), innerWidth - size.width - 8);
    const beside = left >= place.right ? place.top - size.height / 2 : (place.top > size.height + 16 ? place.top - size.height - 10 : place.bottom + 10);
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.min(Math.max(8, beside), innerHeight - size.height - 8)}px`;
    mark(element.dataset.net, true);
  };
  const hide = (element) => { if (tip) tip.hidden = true; mark(element.dataset.net, false); };
  const open = (element) => {
    const found = template(element.dataset.net);
    if (!found || !dialog) return;
    hide(element);
    dialog.querySelector("#network-body").replaceChildren(found.content.cloneNode(true));
    dialog.querySelector("h2").textContent = `Network ${element.dataset.net}`;
    dialog.showModal();
  };
  all("[data-net]").filter((e) => e.tagName !== "TEMPLATE").forEach((element) => {
    element.addEventListener("pointerenter", () => show(element));
    element.addEventListener("pointerleave", () => hide(element));
    element.addEventListener("focus", () => { if (element.matches(":focus-visible")) show(element); });
    element.addEventListener("blur", () => hide(element));
    element.addEventListener("click", () => open(element));
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide(element);
      if ((event.key === "Enter" || event.key === " ") && element.tagName !== "BUTTON") { event.preventDefault(); open(element); }
    });
  });
  addEventListener("scroll", () => { if (tip) tip.hidden = true; }, { passive: true });
  if (dialog) dialog.querySelector("button").addEventListener("click", () => dialog.close());

  // Within a chart, arrow keys go from point to point, by x.
  all("svg.chart").forEach((chart) => {
    const points = all(".dot[role]", chart).sort((a, b) => a.cx.baseVal.value - b.cx.baseVal.value || b.cy.baseVal.value - a.cy.baseVal.value);
    points.forEach((point, i) => {
      point.tabIndex = i ? -1 : 0;
      point.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -i, End: points.length - 1 - i }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const next = points[Math.min(Math.max(i + step, 0), points.length - 1)];
        points.forEach((other) => { other.tabIndex = other === next ? 0 : -1; });
        next.focus();
      });
    });
  });

  // Tables are sorted by the column whose name is pressed.
  all("th[aria-sort] button").forEach((button) => button.addEventListener("click", () => {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
    const down = head.getAttribute("aria-sort") !== "descending", column = head.cellIndex;
    const value = (row) => { const text = row.cells[column].dataset.value ?? row.cells[column].textContent; const number = parseFloat(text); return isNaN(number) ? text : number; };
    const rows = [...body.rows].sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (down ? -1 : 1));
    all("th[aria-sort]", table).forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows);
  }));

  // The player: what the task looked like at each decision, and the steps that it took.
  all("[data-player]").forEach((player) => {
    const frames = all(".stage > *", player), range = player.querySelector("input"), button = player.querySelector("button");
    const word = player.querySelector("output");
    let timer = null;
    const go = (number) => {
      range.value = number;
      frames.forEach((frame, i) => { frame.hidden = i !== number; });
      all(".span.now", player).forEach((span) => span.classList.remove("now"));
      all(`.span[data-at="${number}"]`, player).forEach((span) => span.classList.add("now"));
      word.textContent = frames[number].dataset.said;
      range.setAttribute("aria-valuetext", frames[number].dataset.said);
    };
    const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
    const play = () => {
      if (timer) return stop();
      if (+range.value >= frames.length - 1) go(0);
      button.textContent = "Pause";
      timer = setInterval(() => { const next = +range.value + 1; if (next >= frames.length) return stop(); go(next); }, +player.dataset.player);
    };
    player.querySelector(".controls").hidden = false;
    range.addEventListener("input", () => { stop(); go(+range.value); });
    button.addEventListener("click", play);
    all(".span", player).forEach((span) => span.addEventListener("click", () => { stop(); go(+span.dataset.at); }));
    go(0);
  });

  // Commands are copied.
  all(".command").forEach((box) => {
    const button = box.querySelector("button");
    if (!button || !navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(box.querySelector("code").textContent); button.textContent = "Copied"; }
      catch { button.textContent = "Not allowed"; }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  });
})();
