// Shows one of several matrices, and for the chosen cell the rows that decided. All of it was sent once.

function head(of, scope) {
  return element("th", { scope }, of.name, ...of.known.map((address) => element("span", {}, ...broken(address))));
}

// A long IPv6 address may be broken where it leaves out zeros.
function broken(text) {
  const [first, ...rest] = text.split("::");
  return rest.length ? [first, element("wbr"), `::${rest.join("::")}`] : [text];
}

function reasons(of) {
  const body = element("tbody");
  of.rows.forEach((row, number) => {
    const is_marked = of.marked.includes(number);
    const cells = row.map((text, at) => element(at ? "td" : "th", at ? (at === 2 ? { class: "kn-code" } : {}) : { scope: "row" }, is_marked && !at ? `★ ${text}` : text));
    body.append(element("tr", is_marked ? { class: "kn-marked" } : {}, ...cells));
  });
  const heads = of.heads.map((text) => element("th", { scope: "col" }, text));
  return element("table", {}, element("caption", {}, of.caption), element("thead", {}, element("tr", {}, ...heads)), body);
}

// The map with the machines marked that had the packet.
function marked(map, path) {
  const mark = (one) => ({ ...one, marked: path.includes(one.name) });
  const machines = map.machines.map((one) => ({ ...mark(one), pods: one.pods.map(mark) }));
  return { ...map, machines, path: path.join(" → ") };
}

// The first cell that breaks a rule, by the names of its ends; nothing where none does.
function broken_cell(of) {
  for (const [down, row] of of.cells.entries()) {
    const across = row.findIndex((cell) => cell && !cell.good);
    if (across >= 0) return [of.rows[down].name, of.columns[across].name];
  }
  return null;
}

function render({ model, el }) {
  const story = model.get("story"), names = Object.keys(story.clusters);
  const select = element("select", { "aria-label": "Cluster" }, ...names.map((name) => element("option", { value: name }, name)));
  const rules = element("ul", { "aria-live": "polite" });
  const square = element("div", { class: "kn-wide" });
  const panel = element("div", { class: "kn-why", "aria-live": "polite" });
  const keys = element("p", { class: "kn-keys" });
  keys.innerHTML = "Choose a cell to see why; <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> move from cell to cell.";
  const map = element("section", { class: "kn kn-map" });
  const beside = element("div", { class: "kn-beside" }, square, ...(story.map.machines ? [map] : []));
  const root = element("section", { class: "kn kn-matrices", "aria-label": story.title },
    element("header", {}, element("strong", {}, story.title), element("label", {}, "Cluster: ", select)), rules, beside, keys, panel);
  let buttons = []; // rows of buttons; null where nobody asked

  const draw = () => {
    const of = story.clusters[model.get("cluster")];
    select.value = model.get("cluster");
    rules.replaceChildren(...Object.entries(of.said).map(([rule, said]) =>
      element("li", said === "kept" ? {} : { class: "kn-bad" }, `${said === "kept" ? "✓" : "✗"} rule ${rule}, ${story.rules[rule]}: ${said}`)));
    buttons = of.cells.map((row, down) => row.map((cell, across) => {
      if (!cell) return null;
      const lines = cell.lines.map((text) => element("span", {}, ...broken(text)));
      const button = element("button", { type: "button", "aria-label": `${of.rows[down].name} to ${of.columns[across].name}: ${cell.said}` }, ...lines);
      if (!cell.good) button.className = "kn-bad";
      button.onclick = () => choose(down, across);
      return button;
    }));
    const lines = buttons.map((row, down) => element("tr", {}, head(of.rows[down], "row"), ...row.map((button) =>
      button ? element("td", {}, button) : element("td", { class: "kn-itself" }, "itself"))));
    const first = element("tr", {}, element("td", { class: "kn-itself" }, "from ↓  to →"), ...of.columns.map((one) => head(one, "col")));
    const caption = element("caption", {}, "Beside the names: the addresses by which the cluster knows them. In the cells: the source address that the receiver saw.");
    square.replaceChildren(element("table", { class: "kn-square" }, caption, element("thead", {}, first), element("tbody", {}, ...lines)));
    mark();
  };
  const place = () => {
    const of = story.clusters[model.get("cluster")], [who, to] = model.get("cell");
    return [of.rows.findIndex((one) => one.name === who), of.columns.findIndex((one) => one.name === to)];
  };
  const mark = () => {
    const of = story.clusters[model.get("cluster")];
    let [down, across] = place();
    if (!buttons[down]?.[across]) [down, across] = [0, buttons[0].findIndex(Boolean)];
    buttons.forEach((row, at) => row.forEach((button, by) => {
      if (!button) return;
      const is_chosen = at === down && by === across;
      button.setAttribute("aria-pressed", String(is_chosen));
      button.tabIndex = is_chosen ? 0 : -1;
    }));
    const cell = of.cells[down][across];
    panel.replaceChildren(reasons(cell.why));
    if (story.map.machines) drawMap(map, marked(story.map, cell.path), `${of.rows[down].name} to ${of.columns[across].name}`);
  };
  const choose = (down, across) => {
    const of = story.clusters[model.get("cluster")];
    model.set("cell", [of.rows[down].name, of.columns[across].name]);
    model.save_changes();
    mark();
    buttons[down][across].focus();
  };
  const move = (by_row, by_column) => {
    let [down, across] = place();
    for (;;) {
      down += by_row; across += by_column;
      if (!buttons[down] || across < 0 || across >= buttons[down].length) return;
      if (buttons[down][across]) return choose(down, across);
    }
  };
  const keyed = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  square.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keyed[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    move(...keyed[event.key]);
  });
  select.onchange = () => {
    const bad = broken_cell(story.clusters[select.value]);
    model.set("cluster", select.value);
    if (bad) model.set("cell", bad);
    model.save_changes();
    draw();
  };
  model.on("change:cluster", draw);
  model.on("change:cell", mark);
  draw();
  keepKeys(root);
  el.append(root);
  return () => { model.off("change:cluster", draw); model.off("change:cell", mark); };
}

export default { render };
