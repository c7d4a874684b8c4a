// A pod's life in lanes, drawn from the story alone. Where there are controls, each change asks the notebook's kernel.

const WAIT = 20; // ms without a change before the kernel is asked
const SIGNS = { Success: "✓", Failure: "✗", Error: "?", SIGTERM: "▼", killing: "▽" };

const short = (seconds) => String(Math.round(seconds * 100) / 100);
const tickStep = (until) => [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600].find((step) => until / step <= 13) ?? until / 10;

// One lane: its label, and what lies along the time. Screen readers have the words below instead.
function lane(row, until) {
  const track = element("div", { class: row.bars.length ? "kn-track kn-tall" : "kn-track" });
  const share = (seconds) => `${(100 * seconds) / until}%`;
  for (const [since, to, value, tone] of row.spans) {
    const wide = (to - since) / until > 0.035;
    const span = element("span", { class: `kn-span kn-tone-${tone}${wide ? "" : " kn-narrow"}`, title: `${value}, ${short(since)} to ${short(to)} s` }, wide ? value : "");
    span.style.left = share(since);
    span.style.width = share(to - since);
    track.append(span);
  }
  for (const [t, value, tone, said] of row.marks) {
    const mark = element("span", { class: `kn-mark kn-tone-${tone}`, title: `${value} at ${short(t)} s${said ? `: ${said}` : ""}` }, SIGNS[value] ?? "•");
    mark.style.left = share(t);
    track.append(mark);
  }
  const most = Math.max(1, ...row.bars.map(([, served, lost]) => served + lost));
  for (const [at, served, lost, why] of row.bars) {
    if (!served && !lost) continue;
    const bar = element("span", { class: "kn-bar", title: `second ${at}: ${served} served, ${lost} lost${why ? ` (${why})` : ""}` });
    bar.style.cssText = `left:${share(at)};width:${share(0.86)};height:${(100 * (served + lost)) / most}%`;
    for (const [name, count] of [["lost", lost], ["served", served]]) {
      const part = element("i", { class: `kn-${name}` });
      part.style.height = `${(100 * count) / (served + lost)}%`;
      bar.append(part);
    }
    track.append(bar);
  }
  return element("div", { class: "kn-lane" }, element("span", { class: "kn-label" }, row.label), track);
}

function axis(until) {
  const row = element("div", { class: "kn-axis" }), step = tickStep(until);
  for (let at = 0; at <= until + 1e-9; at += step) {
    const tick = element("span", {}, at === 0 ? "0 s" : short(at));
    tick.style.left = `${(100 * at) / until}%`;
    row.append(tick);
  }
  return element("div", { class: "kn-lane" }, element("span", { class: "kn-label" }, "seconds"), row);
}

// How everything stood at a time, in a sentence.
function stood(story, at) {
  const said = [];
  for (const row of story.rows) {
    const span = row.spans.find(([since, to]) => since <= at && at < to) ?? (row.spans.length ? row.spans[row.spans.length - 1] : null);
    if (span) said.push(`${row.label}: ${span[2]}`);
    const before = row.marks.filter(([t]) => t <= at);
    if (before.length) said.push(`${row.label}: ${before[before.length - 1][1]} at ${short(before[before.length - 1][0])} s`);
    const bar = row.bars.find(([second]) => second === Math.floor(at));
    if (bar) said.push(`requests: ${bar[1]} served, ${bar[2]} lost${bar[3] ? ` (${bar[3]})` : ""}`);
  }
  return `At ${short(at)} s — ${said.join("; ")}.`;
}

function controls(model, refused) {
  const fields = new Map(), groups = new Map();
  const { set, stop } = wishing(model, () => fill(), WAIT);
  for (const one of model.get("form")) {
    if (!groups.has(one.group)) groups.set(one.group, element("details", { class: "kn-group" }, element("summary", {}, one.group)));
    if (model.get("wishes")[one.name] !== one.first || one.opens) groups.get(one.group).open = true;
    const group = groups.get(one.group), named = { "aria-label": `${one.group}: ${one.label}`, "data-of": one.name };
    if (one.kind === "check") {
      const box = element("input", { type: "checkbox", ...named });
      box.onchange = () => set(one.name, box.checked);
      fields.set(one.name, { one, row: group.appendChild(element("label", { class: "kn-check" }, box, one.label)), fill: (value) => { box.checked = value; } });
    } else if (one.kind === "choice") {
      const list = element("select", named, ...one.options.map((option) => element("option", { value: option }, option)));
      list.onchange = () => set(one.name, list.value);
      fields.set(one.name, { one, row: group.appendChild(element("div", { class: "kn-row" }, element("span", {}, one.label), list)), fill: (value) => { list.value = value; } });
    } else {
      const limits = { min: String(one.least), max: String(one.most), step: String(one.step) };
      const slider = element("input", { type: "range", ...limits, ...named }), number = element("input", { type: "number", ...limits, ...named, "aria-label": `${one.group}: ${one.label}, as a number` });
      const clamp = (text) => Math.max(one.least, Math.min(one.most, Math.round((Number(text) || 0) / one.step) * one.step));
      slider.oninput = () => set(one.name, clamp(slider.value));
      number.onchange = () => { set(one.name, clamp(number.value)); fill(); };
      fields.set(one.name, { one, row: group.appendChild(element("div", { class: "kn-row" }, element("span", {}, one.label), slider, number)),
        fill: (value) => { slider.value = String(value); if (number !== document.activeElement) number.value = String(value); } });
    }
  }
  const fill = () => {
    const wishes = model.get("wishes");
    for (const { one, row, fill: shows } of fields.values()) {
      shows(wishes[one.name]);
      row.hidden = Boolean(one.needs) && !wishes[one.needs];
    }
  };
  const box = element("div", { class: "kn-groups" }, ...groups.values());
  return { box, fill, stop };
}

function render({ model, el }) {
  const title = element("p", { class: "kn-title" }), answer = element("p", { class: "kn-answer", role: "status" }), refused = element("p", { class: "kn-refused", role: "alert" });
  const drawn = element("div", { class: "kn-lanes", "aria-hidden": "true" });
  const slider = element("input", { type: "range", min: "0", step: "0.5", "aria-label": "The second to look at" });
  const now = element("p", { class: "kn-now", role: "status" }), words = element("ul", { class: "kn-words" });
  const legend = element("p", { class: "kn-legend" });
  legend.innerHTML = '<b class="kn-good">✓</b> the probe succeeded, <b class="kn-bad">✗</b> it failed; <b>▽</b> the kubelet begins to end the container, <b>▼</b> SIGTERM. Bars: requests, served <b class="kn-good">plain</b>, lost <b class="kn-bad">striped</b>.';
  const manifest = element("pre", { tabindex: "0", "aria-label": "The manifest" }), asYaml = element("details", {}, element("summary", {}, "The manifest that these controls make"), manifest);
  const form = model.get("form").length ? controls(model, refused) : null;
  const root = element("section", { class: "kn kn-life", "aria-label": "A pod's life" }, title, ...(form ? [form.box] : []), refused, answer, drawn,
    element("div", { class: "kn-then" }, element("span", { class: "kn-label" }, "look at a second"), slider), now, legend,
    element("details", {}, element("summary", {}, "Every lane in words"), words), asYaml);

  let line = null;
  const look = () => {
    const story = model.get("story"), at = Number(slider.value);
    now.textContent = stood(story, at);
    slider.setAttribute("aria-valuetext", `${short(at)} seconds`);
    for (const one of drawn.querySelectorAll(".kn-line")) one.style.left = `${(100 * at) / story.until}%`;
  };
  const show = () => {
    const story = model.get("story");
    title.textContent = story.title;
    answer.textContent = `${story.headline}.`;
    answer.classList.toggle("kn-good", Boolean(story.good));
    refused.textContent = story.refused ?? "";
    drawn.replaceChildren(...story.rows.map((row) => lane(row, story.until)), axis(story.until));
    for (const track of drawn.querySelectorAll(".kn-track")) track.append(element("div", { class: "kn-line" }));
    words.replaceChildren(...story.said.map((text) => element("li", {}, text)));
    manifest.textContent = story.manifest ?? "";
    asYaml.hidden = !story.manifest;
    slider.max = String(story.until);
    form?.fill();
    look();
    root.dataset.drawn = String(Number(root.dataset.drawn ?? 0) + 1);
  };
  slider.oninput = look;
  // The page around would take these keys, and the slider would never see them.
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const moved = event.target;
    if (moved.type !== "range" || !(event.key in steps)) return;
    event.preventDefault();
    moved.value = String(Math.max(Number(moved.min), Math.min(Number(moved.max), Number(moved.value) + steps[event.key] * Number(moved.step))));
    moved.dispatchEvent(new Event("input"));
  });
  slider.value = "0";
  show();
  model.on("change:story", show);
  if (form) model.on("change:wishes", form.fill);
  keepKeys(root);
  el.append(root);
  return () => {
    form?.stop();
    model.off("change:story", show);
    if (form) model.off("change:wishes", form.fill);
  };
}

export default { render };
