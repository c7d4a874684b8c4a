// The controls of an address plan. Each change asks the notebook's kernel; what comes back is shown, and said aloud.

const WAIT = 70; // ms without a change before the kernel is asked

const RANGES = { cluster_cidr: "Cluster range, for pods", service_range: "Service range", node_network: "Nodes' own network", company: "Company's networks" };
const SECOND = { second_cidr: "Second cluster range", second_services: "Second Service range" };
const COUNTS = { node_mask: "Node mask", nodes: "Nodes", pods: "Pods a node" };
const LEAST = { node_mask: 0, second_mask: 0, nodes: 1, pods: 1 };
const LENGTHS = ["cluster_cidr", "second_cidr", "service_range", "second_services"]; // texts whose length has a slider too

const bits = (text) => (text.includes(":") ? 128 : 32);
const length = (text) => Number(/^[^,/]+\/(\d+)\s*$/.exec(text)?.[1] ?? NaN);

function render({ model, el }) {
  const inputs = {}, sliders = {}, lengths = {};

  const { set, stop } = wishing(model, () => fill(), WAIT, true);
  const most = (name) => model.get("story").most[name];

  const counted = (name, label) => {
    const slider = element("input", { type: "range", step: "1", min: String(LEAST[name]), "aria-label": label, "data-of": name });
    const field = element("input", { type: "number", step: "1", min: String(LEAST[name]), "aria-label": `${label}, as a number`, "data-of": name });
    const clamp = (text) => Math.max(LEAST[name], Math.min(most(name), Math.round(Number(text) || 0)));
    slider.oninput = () => set(name, clamp(slider.value));
    field.onchange = () => { set(name, clamp(field.value)); fill(); };
    sliders[name] = slider; inputs[name] = field;
    return element("div", { class: "kn-row" }, element("span", { "aria-hidden": "true" }, label), slider, field);
  };
  const written = (name, label) => {
    const field = element("input", { type: "text", spellcheck: "false", autocomplete: "off", maxlength: "200", "aria-label": label, "data-of": name });
    field.onchange = () => set(name, field.value.trim());
    field.onkeydown = (event) => { if (event.key === "Enter") set(name, field.value.trim()); };
    inputs[name] = field;
    const row = element("div", { class: "kn-row" }, element("span", { "aria-hidden": "true" }, label));
    if (LENGTHS.includes(name)) {
      const slider = element("input", { type: "range", step: "1", "aria-label": `${label}, its length`, "data-of": `${name}-length` });
      slider.oninput = () => set(name, model.get("wishes")[name].replace(/\/\d+\s*$/, `/${slider.value}`));
      lengths[name] = slider;
      row.append(slider);
    } else row.classList.add("kn-long");
    row.append(field);
    return row;
  };

  const second = element("input", { type: "checkbox", "data-of": "second" });
  second.onchange = () => set("second", second.checked);
  const more = element("div", { class: "kn-more" }, written("second_cidr", SECOND.second_cidr), counted("second_mask", "Its node mask"), written("second_services", SECOND.second_services));
  const form = element("div", { class: "kn-form", role: "group", "aria-label": "The plan" },
    written("cluster_cidr", RANGES.cluster_cidr), counted("node_mask", COUNTS.node_mask), counted("nodes", COUNTS.nodes), counted("pods", COUNTS.pods),
    written("service_range", RANGES.service_range), written("node_network", RANGES.node_network), written("company", RANGES.company),
    element("label", { class: "kn-check" }, second, " a second family"), more);
  const answer = element("p", { class: "kn-answer", role: "status" });
  const flags = element("pre", { "aria-label": "The flags", tabindex: "0" });
  const picture = element("div", { class: "kn-picture" });
  const said = element("ul", { class: "kn-said" });
  const checks = element("ul", { class: "kn-checks", "aria-label": "Ranges that must not share an address" });
  const root = element("section", { class: "kn kn-planner", "aria-label": "Address planner" },
    form, answer, element("div", { class: "kn-body" }, picture, element("div", { class: "kn-side" }, flags, said, checks)));

  const fill = () => {
    const wishes = model.get("wishes");
    for (const [name, field] of Object.entries(inputs)) {
      if (field.value !== String(wishes[name]) && !(field === document.activeElement && field.type === "text")) field.value = String(wishes[name]);
    }
    for (const [name, slider] of Object.entries(sliders)) {
      slider.max = String(most(name));
      slider.value = String(wishes[name]);
      slider.setAttribute("aria-valuetext", name.endsWith("mask") ? `/${wishes[name]}` : String(wishes[name]));
    }
    for (const [name, slider] of Object.entries(lengths)) {
      const at = length(wishes[name]);
      slider.disabled = Number.isNaN(at);
      slider.min = bits(wishes[name]) === 128 ? "32" : "8";
      slider.max = bits(wishes[name]) === 128 ? "124" : "30";
      if (!slider.disabled) slider.value = String(at);
      slider.setAttribute("aria-valuetext", `/${at}`);
    }
    second.checked = wishes.second;
    more.hidden = !wishes.second;
  };
  const show = () => {
    const story = model.get("story");
    answer.textContent = `${story.good ? "✓" : "✗"} ${story.headline}.`;
    answer.classList.toggle("kn-good", story.good);
    flags.textContent = story.flags.join(" \\\n  ");
    picture.innerHTML = story.svg;
    picture.hidden = !story.svg;
    said.replaceChildren(...story.said.map((text) => element("li", {}, text)));
    checks.replaceChildren(...story.checks.map((check) => element("li", check.sign === "✓" ? {} : { class: "kn-bad" }, `${check.sign} ${check.said}`)));
    fill();
  };
  // The page around would take these keys, and the slider would never see them.
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const slider = event.target;
    if (slider.type !== "range" || !(event.key in steps)) return;
    event.preventDefault();
    slider.value = String(Math.max(Number(slider.min), Math.min(Number(slider.max), Number(slider.value) + steps[event.key])));
    slider.dispatchEvent(new Event("input"));
  });
  model.on("change:story", show);
  model.on("change:wishes", fill);
  show();
  keepKeys(root);
  el.append(root);
  return () => {
    stop();
    model.off("change:story", show);
    model.off("change:wishes", fill);
  };
}

export default { render };
