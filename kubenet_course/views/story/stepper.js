// Shows a story that has been sent whole. A step changes classes in the picture and a few texts; nothing is asked of the kernel.

const TICK = 1100; // milliseconds for each step while it plays

// Drawn, since not every font has these signs.
const SIGNS = {
  first: "M2 2v12h2V2zM14 2v12L5 8z",
  back: "M12 2v12L3 8z",
  play: "M4 2v12l9-6z",
  stop: "M4 2h3v12H4zM9 2h3v12H9z",
  on: "M4 2v12l9-6z",
  last: "M12 2v12h2V2zM2 2v12l9-6z",
};

function sign(name) {
  return `<svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true"><path fill="currentColor" d="${SIGNS[name]}"/></svg>`;
}

function skeleton() {
  const button = (name, label) => {
    const made = element("button", { type: "button", class: `kn-${name}`, "aria-label": label, title: label });
    made.innerHTML = sign(name);
    return made;
  };
  const parts = {
    heading: element("p", { class: "kn-heading" }),
    first: button("first", "First step (Home)"),
    back: button("back", "One step back (left arrow)"),
    play: button("play", "Play (space)"),
    on: button("on", "One step on (right arrow)"),
    last: button("last", "Last step (End)"),
    slider: element("input", { type: "range", min: "1", step: "1", "aria-label": "Step" }),
    count: element("span", { class: "kn-count", "aria-hidden": "true" }),
    detail: element("select", { "aria-label": "How much to show" }),
    picture: element("div", { class: "kn-picture", role: "region", "aria-label": "Picture of the network", tabindex: "0" }),
    about: element("span", { class: "kn-about" }),
    where: element("span", { class: "kn-where" }),
    asks: element("p", { class: "kn-asks" }),
    said: element("p", { class: "kn-said" }),
    end: element("p", { class: "kn-end" }),
    carries: element("p", { class: "kn-carries" }),
    why: element("section", { class: "kn-why" }),
    held: element("section", { class: "kn-held" }),
    known: element("section", { class: "kn-known" }),
    frame: element("div", { class: "kn-frame" }),
    heard: element("div", { class: "kn-heard", "aria-live": "polite" }),
  };
  const what = element("div", { class: "kn-what" }, element("p", {}, parts.about, " · ", parts.where), parts.said, parts.carries, parts.end, parts.asks);
  parts.bytes = element("details", {}, element("summary", {}, "The frame, field by field"), parts.frame);
  const keys = element("p", { class: "kn-keys" });
  keys.innerHTML = "<kbd>←</kbd> <kbd>→</kbd> step, <kbd>space</kbd> play or stop, <kbd>Home</kbd> <kbd>End</kbd> first and last";
  const bar = element("div", { class: "kn-bar" }, parts.first, parts.back, parts.play, parts.on, parts.last, parts.slider, parts.count, parts.detail);
  const side = element("div", { class: "kn-side" }, parts.why, parts.held);
  const body = element("div", { class: "kn-body" }, parts.picture, side, parts.known);
  parts.root = element("div", { class: "kn kn-stepper", role: "group", tabindex: "-1" },
    parts.heading, bar, what, body, parts.bytes, keys, parts.heard);
  return parts;
}

// A table as the Python side has it: caption, heads, rows; the columns in `code` are code, the rows in `marked` matter most.
function table(of, tints) {
  if (!of.rows.length) return element("p", {}, of.caption);
  const made = element("table", {}, element("caption", {}, of.caption));
  made.append(element("thead", {}, element("tr", {}, ...of.heads.map((head) => element("th", { scope: "col" }, head)))));
  const body = element("tbody");
  of.rows.forEach((row, number) => {
    const [header, layer] = of.layers?.[number] ?? [];
    const tint = layer === undefined ? "" : `background:${tints[header % tints.length]};color:#111111`;
    if (tint && String(of.layers[number]) !== String(of.layers[number - 1])) {
      body.append(element("tr", {}, element("th", { scope: "rowgroup", colspan: String(row.length), style: tint }, layer)));
    }
    const is_marked = of.marked.includes(number);
    const cells = row.map((text, at) => {
      const cell = at ? element("td") : element("th", { scope: "row" });
      if (of.code.includes(at)) cell.className = "kn-code";
      if (tint && at === 2) cell.style.cssText = tint;
      cell.append(at || !is_marked ? text : `★ ${text}`);
      return cell;
    });
    body.append(element("tr", is_marked ? { class: "kn-marked" } : {}, ...cells));
  });
  made.append(body);
  return made;
}

// What the packet carries: each part once, and where it changed what it was before, struck out.
function carries(rows) {
  return rows.flatMap(([field, before, after]) => [
    element("span", { class: "kn-field" }, `${field} `),
    ...(before === after ? [] : [element("del", {}, before || "nothing"), " "]),
    element(before === after ? "span" : "ins", {}, after || "nothing"), " ",
  ]);
}

// Finds the picture's parts by their keys once, so that a step touches only what changes.
function picture(svg) {
  const keyed = new Map([...svg.querySelectorAll("[data-key]")].map((one) => [one.dataset.key, one]));
  const names = new Map([...svg.querySelectorAll("text[data-of$=':kernel']")].map((one) => [one.dataset.of, [one, one.textContent]]));
  const letter = svg.querySelector(".kn-letter");
  let here = null, been = [], named = null;
  return (place, passed, stage) => {
    for (const one of been) one.classList.remove("kn-been");
    if (here) here.classList.remove("kn-here");
    if (named) named[0].textContent = named[1];
    been = passed.map((key) => keyed.get(key)).filter(Boolean);
    for (const one of been) one.classList.add("kn-been");
    here = keyed.get(place) ?? null;
    named = names.get(place) ?? null;
    if (named && stage) named[0].textContent = stage;
    letter.setAttribute("visibility", here ? "visible" : "hidden");
    if (!here) return null;
    here.classList.add("kn-here");
    const right = Number(here.getAttribute("x")) + Number(here.getAttribute("width"));
    letter.setAttribute("transform", `translate(${right} ${here.getAttribute("y")})`);
    return here;
  };
}

function follow(box, region) {
  if (!box || region.scrollWidth <= region.clientWidth) return;
  const inner = box.getBoundingClientRect(), outer = region.getBoundingClientRect();
  if (inner.left < outer.left || inner.right > outer.right) {
    region.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
  }
}

function render({ model, el }) {
  const parts = skeleton();
  let story, mark, numbers = [], at = 0, timer = null, detail = "story";
  const shown = new Map(); // what each panel shows now, so that what stays is left alone

  const fill = (panel, number) => {
    if (shown.get(panel) === number) return;
    shown.set(panel, number);
    panel.replaceChildren(table(story.pool[number], story.tints));
  };
  const show = () => {
    const step = story.steps[numbers[at]];
    const stage = detail === "story" ? "" : step.stage; // the kernel's own names come with the other levels
    follow(mark(step.here, step.been.map((number) => story.pool[number]), stage), parts.picture);
    const item = detail === "story" ? story.tale[at] : null, said = item ? item.said : step.said;
    parts.about.textContent = step.about;
    parts.where.textContent = item ? step.where : `${step.where} · ${step.stage}`;
    parts.asks.textContent = item ? "" : step.asks;
    parts.said.textContent = said;
    parts.carries.replaceChildren(...carries((item ?? step).carries));
    for (const table of [parts.why, parts.held, parts.known]) table.hidden = Boolean(item);
    parts.root.classList.toggle("kn-tale", Boolean(item));
    parts.end.textContent = step.end ? `${step.good ? "✓" : "✕"} ${step.end}` : "";
    parts.end.classList.toggle("kn-good", step.good);
    fill(parts.why, step.why);
    fill(parts.held, step.held);
    fill(parts.known, step.known);
    if (step.frame >= 0) fill(parts.frame, step.frame);
    else if (shown.get(parts.frame) !== -2) {
      shown.set(parts.frame, -2);
      parts.frame.textContent = "No device is passed at this step, so there is no frame.";
    }
    const told = `Step ${at + 1} of ${numbers.length}`;
    parts.slider.value = String(at + 1);
    parts.slider.setAttribute("aria-valuetext", item ? `${told}: ${said}` : `${told}: ${step.where}, ${step.stage}. ${said}`);
    parts.count.textContent = told;
    parts.heard.textContent = item ? `${told}. ${said}` : `${told}. ${step.about}, at ${step.where}, ${step.stage}: ${said}. ${step.end}`;
    for (const [one, off] of [[parts.first, at === 0], [parts.back, at === 0], [parts.on, at === numbers.length - 1], [parts.last, at === numbers.length - 1]]) {
      one.setAttribute("aria-disabled", String(off));
    }
  };
  const go = (to) => {
    at = Math.max(0, Math.min(numbers.length - 1, to));
    show();
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    parts.play.innerHTML = `${sign("play")} Play`;
    parts.play.setAttribute("aria-label", "Play (space)");
  };
  const play = () => {
    if (timer) return stop();
    if (at === numbers.length - 1) go(0);
    parts.play.innerHTML = `${sign("stop")} Stop`;
    parts.play.setAttribute("aria-label", "Stop (space)");
    timer = setInterval(() => (at < numbers.length - 1 ? go(at + 1) : stop()), TICK);
  };
  const choose = (wanted) => {
    const now = numbers[at] ?? 0;
    detail = story.shown[wanted].length ? wanted : "every";
    numbers = story.shown[detail];
    parts.detail.value = wanted;
    parts.slider.max = String(numbers.length);
    const near = numbers.findIndex((number) => number >= now);
    go(near < 0 ? numbers.length - 1 : near);
  };
  const load = () => {
    stop();
    story = model.get("story");
    parts.picture.innerHTML = story.svg;
    mark = picture(parts.picture.querySelector("svg"));
    shown.clear();
    parts.heading.textContent = model.get("title");
    parts.heading.hidden = !model.get("title");
    parts.root.setAttribute("aria-label", model.get("title") || "One request, step by step");
    const options = Object.entries(story.details).map(([name, words]) => {
      const count = (story.shown[name].length ? story.shown[name] : story.shown.every).length;
      return element("option", { value: name }, `${words} (${count})`);
    });
    parts.detail.replaceChildren(...options);
    numbers = [];
    choose(model.get("detail"));
    go(model.get("step") - 1);
  };

  const keys = {
    ArrowRight: () => (stop(), go(at + 1)),
    ArrowLeft: () => (stop(), go(at - 1)),
    Home: () => (stop(), go(0)),
    End: () => (stop(), go(numbers.length - 1)),
    " ": play,
  };
  parts.root.addEventListener("keydown", (event) => {
    const inside = event.target.closest("select, summary, button");
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    if (inside && (event.key === " " || inside.tagName === "SELECT")) return; // the element's own key
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  });
  parts.root.addEventListener("mousedown", (event) => {
    if (!event.target.closest("button, input, select, summary, a, pre, table")) parts.root.focus({ preventScroll: true });
  });
  parts.slider.addEventListener("input", () => (stop(), go(Number(parts.slider.value) - 1)));
  parts.detail.addEventListener("change", () => (stop(), choose(parts.detail.value)));
  for (const [name, act] of [["first", keys.Home], ["back", keys.ArrowLeft], ["play", play], ["on", keys.ArrowRight], ["last", keys.End]]) {
    parts[name].addEventListener("click", act);
  }
  const moved = () => (stop(), go(model.get("step") - 1));
  const changed = () => (stop(), choose(model.get("detail")));
  model.on("change:story", load);
  model.on("change:step", moved);
  model.on("change:detail", changed);
  load();
  keepKeys(parts.root);
  el.append(parts.root);
  return () => {
    stop();
    model.off("change:story", load);
    model.off("change:step", moved);
    model.off("change:detail", changed);
  };
}

export default { render };
