"use strict";
(() => {
  const root = document.documentElement;
  const find = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const read = (node) => (node ? JSON.parse(node.textContent) : null);

  // Light and dark: the system decides until the reader does; a file may not be allowed to remember.
  const theme = find("#theme");
  const dark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => { find("span", theme).textContent = dark() ? "light" : "dark"; };
  try { root.dataset.theme = localStorage.getItem("connsearch-theme") || ""; } catch { root.dataset.theme = ""; }
  if (!root.dataset.theme) delete root.dataset.theme;
  label();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("connsearch-theme", root.dataset.theme); } catch { /* not kept, then */ }
    label();
  });

  // The one tooltip: by pointer, by touch and by keyboard.
  const tip = find("#tip");
  const hide = () => { tip.hidden = true; };
  const show = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 4))}px`;
    tip.style.top = `${y - height - 12 < 4 ? y + 16 : y - height - 12}px`;
  };
  const tipped = (event) => event.target.closest && event.target.closest("[data-tip]");
  const showAt = (node, event) => {
    const box = node.getBoundingClientRect();
    const pointed = event && event.clientX;
    show(node.dataset.tip, pointed ? event.clientX : box.left + box.width / 2, pointed ? event.clientY : box.top);
  };
  document.addEventListener("pointermove", (event) => { const node = tipped(event); if (node) showAt(node, event); });
  document.addEventListener("pointerout", (event) => { if (tipped(event)) hide(); });
  document.addEventListener("click", (event) => { const node = tipped(event); if (node) showAt(node, event); else hide(); });
  document.addEventListener("focusin", (event) => { const node = tipped(event); if (node) showAt(node); });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", hide, { passive: true });

  // Charts: the nearest point, or the nearest line alone.
  const round = (value) => Number(value.toPrecision(4)).toString();
  const NEAR = 14; // pixels
  for (const figure of all(".chart")) {
    const data = read(find(".chart-data", figure)), plot = find(".plot", figure);
    const seen = () => all(".drawn", figure).find((node) => node.offsetParent) || find(".drawn", figure);
    const spots = new Map(); // the middles of a drawing's points never move
    const middles = (drawn) => {
      if (!spots.has(drawn)) {
        spots.set(drawn, all("[data-tip]", drawn).map((node) => {
          const box = node.getBBox();
          return { node, x: box.x + box.width / 2, y: box.y + box.height / 2 };
        }));
      }
      return spots.get(drawn);
    };
    let chosen = 0, place = 0;
    const xs = (line) => data.xs[line.xs];
    const share = (value, [low, high]) => (high !== low ? (value - low) / (high - low) : 0.5);
    const size = (drawn) => find("svg", drawn).viewBox.baseVal;
    const at = (drawn, x, y) => { // a value's place in the drawing
      const [left, top, right, low] = drawn.dataset.frame.split(" ").map(Number);
      return [left + (right - left) * share(x, data.x), low - (low - top) * share(y, data.y)];
    };
    const leave = () => {
      plot.classList.remove("pointed");
      all(".lit", figure).forEach((node) => node.classList.remove("lit"));
      all(".cursor", figure).forEach((node) => { node.hidden = true; });
      hide();
    };
    const light = () => {
      const drawn = seen(), line = data.lines[chosen], box = drawn.getBoundingClientRect(), whole = size(drawn);
      const [x, y] = at(drawn, xs(line)[place], line.ys[place]);
      const [, top, , low] = drawn.dataset.frame.split(" ").map(Number), cursor = find(".cursor", drawn);
      all("[data-line]", drawn).forEach((node) => node.classList.toggle("lit", Number(node.dataset.line) === chosen));
      plot.classList.toggle("pointed", data.lines.length > 1);
      cursor.hidden = false;
      cursor.style.left = `${100 * x / whole.width}%`;
      cursor.style.top = `${100 * top / whole.height}%`;
      cursor.style.height = `${100 * (low - top) / whole.height}%`;
      show(`${line.name ? `${line.name}: ` : ""}${round(line.ys[place])}\n${data.title} ${round(xs(line)[place])}`,
        box.left + box.width * x / whole.width, box.top + box.height * y / whole.height);
    };
    const nearest = (event) => {
      if (event.target.closest("[data-tip]")) { plot.classList.remove("pointed"); return; }
      const drawn = seen(), box = drawn.getBoundingClientRect(), whole = size(drawn), scale = whole.width / box.width;
      const px = (event.clientX - box.left) * scale, py = (event.clientY - box.top) * scale;
      let best = NEAR * scale, found = null;
      for (const spot of middles(drawn)) {
        const far = Math.hypot(spot.x - px, spot.y - py);
        if (far < best) { best = far; found = spot.node; }
      }
      if (found) { leave(); showAt(found); return; }
      if (!data) { leave(); return; }
      best = Infinity;
      data.lines.forEach((line, i) => {
        let near = 0;
        const places = xs(line), where = (j) => Math.abs(at(drawn, places[j], 0)[0] - px);
        for (let low = 0, high = places.length - 1; low <= high;) { // the values ascend
          const middle = (low + high) >> 1;
          if (where(middle) < where(near)) near = middle;
          if (at(drawn, places[middle], 0)[0] < px) low = middle + 1; else high = middle - 1;
        }
        const far = Math.abs(at(drawn, 0, line.ys[near])[1] - py);
        if (far < best) { best = far; chosen = i; place = near; }
      });
      light();
    };
    plot.addEventListener("pointermove", nearest);
    plot.addEventListener("click", (event) => { nearest(event); if (!event.target.closest("[data-tip]")) event.stopPropagation(); });
    plot.addEventListener("pointerleave", leave);
    plot.addEventListener("blur", leave);
    plot.addEventListener("keydown", (event) => {
      if (event.target !== plot || !data) return;
      const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!steps) return;
      event.preventDefault();
      const before = xs(data.lines[chosen])[place];
      chosen = (chosen + steps[0] + data.lines.length) % data.lines.length;
      const places = xs(data.lines[chosen]);
      if (steps[0]) place = places.reduce((best, x, i) => (Math.abs(x - before) < Math.abs(places[best] - before) ? i : best), 0);
      place = Math.max(0, Math.min(place + steps[1], places.length - 1));
      light();
    });
  }

  // The weights at any logged step.
  const weights = read(find("#weights-data")), slider = find("[data-slider]");
  if (weights && slider) {
    const input = find("#weights-step"), now = find("#weights-now");
    const bars = all("[data-edge]").map((bar) => ({
      fill: find(".fill", bar), number: find(".number", bar), values: weights.weights[bar.dataset.edge],
      width: find(".fill", bar).style.width, text: find(".number", bar).textContent,
    }));
    slider.hidden = false;
    input.addEventListener("input", () => {
      const at = Number(input.value), last = at === weights.steps.length - 1;
      now.textContent = weights.steps[at];
      for (const bar of bars) {
        const value = bar.values && bar.values[at];
        if (last || value === null || value === undefined) {
          bar.fill.style.width = bar.width;
          bar.number.textContent = bar.text;
        } else {
          bar.fill.style.width = `${100 * value}%`;
          bar.number.textContent = value.toFixed(2);
        }
      }
    });
  }

  // The wiring: what is chosen is lit and told in the panel below.
  const details = read(find("#wiring-data")), picture = find("#wiring-picture");
  if (details && picture) {
    const panel = find("#wiring-panel"), choice = find("#wiring-choice");
    const tell = (id) => {
      const entry = details[id];
      const heading = document.createElement("h4"), list = document.createElement("dl");
      heading.textContent = entry.title;
      list.className = "facts";
      for (const [name, value] of entry.rows) {
        const row = document.createElement("div"), term = document.createElement("dt"), said = document.createElement("dd");
        term.textContent = name;
        said.textContent = value;
        row.append(term, said);
        list.append(row);
      }
      panel.replaceChildren(heading, list);
    };
    const choose = (id) => {
      all(".lit", picture).forEach((node) => node.classList.remove("lit"));
      picture.classList.toggle("chosen", Boolean(id));
      choice.value = id;
      if (!id) { panel.innerHTML = "<p>Nothing is selected.</p>"; return; }
      const [kind, first, second] = id.split("-");
      const lit = kind === "node"
        ? Object.keys(details).filter((key) => key.startsWith("connection-") && key.split("-").slice(1).includes(first))
        : [id];
      for (const key of lit) { const node = document.getElementById(key); if (node) node.classList.add("lit"); }
      tell(id);
    };
    let kept = "";
    const owner = (event) => {
      const node = event.target.closest(".node, .edge");
      return node && details[node.id] ? node.id : "";
    };
    for (const edge of all(".edge", picture)) { // thin lines are hard to hit
      const path = find("path", edge);
      if (!path || !details[edge.id]) continue;
      const hit = path.cloneNode();
      for (const name of ["stroke", "stroke-width", "stroke-dasharray"]) hit.removeAttribute(name);
      hit.setAttribute("class", "hit");
      path.after(hit);
    }
    all("title", picture).forEach((node) => node.remove()); // the panel says more, and at once
    all("a", picture).forEach((node) => node.removeAttribute("xlink:title"));
    picture.addEventListener("pointerover", (event) => {
      if (event.pointerType === "touch") return;
      const id = owner(event);
      if (id) choose(id);
    });
    picture.addEventListener("pointerleave", () => choose(kept));
    picture.addEventListener("click", (event) => { kept = owner(event); choose(kept); });
    choice.addEventListener("change", () => { kept = choice.value; choose(kept); });
  }

  // Pictures fit the page at first; in full size they scroll.
  for (const button of all("button.full")) {
    const picture = document.getElementById(button.dataset.picture);
    button.addEventListener("click", () => {
      const fits = picture.classList.toggle("fit");
      button.setAttribute("aria-pressed", String(!fits));
    });
  }

  // The list of contents: folded on a telephone, and it says where the reader is.
  const contents = find("#contents-list");
  const wide = matchMedia("(min-width: 1080px)");
  const fold = () => { contents.open = wide.matches; };
  fold();
  wide.addEventListener("change", fold);
  const links = new Map(all(".contents a").map((link) => [link.getAttribute("href").slice(1), link]));
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const link = links.get(entry.target.id);
      if (link) link.classList.toggle("here", entry.isIntersecting);
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  all("section[id]").forEach((section) => watch.observe(section));

  // On paper everything is unfolded.
  let folded = [];
  addEventListener("beforeprint", () => { folded = all("details:not([open])"); folded.forEach((d) => { d.open = true; }); });
  addEventListener("afterprint", () => folded.forEach((d) => { d.open = false; }));
})();
