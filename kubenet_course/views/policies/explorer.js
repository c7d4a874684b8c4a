// Who may ask whom under policies that can be switched off one by one. All that is needed was sent once; the page judges by itself.

const SVG = "http://www.w3.org/2000/svg";
const MOST_ARROWS = 12; // more than that on the map is a tangle: then only those of the chosen pods are drawn
const MOST_TOLD = 4; // changed pairs that are told by name

function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// --- judging: tier Admin, then NetworkPolicy, then Baseline; the sender's egress and the receiver's ingress must both allow it

const has = (row, at) => row[at] === "1";

// What is switched on, sorted once for each redraw: for a direction and a pod the policies that select it, with their rules.
export function judging(story, off, port) {
  const known = {};
  const chosen = (way, subject) => (known[`${way} ${subject}`] ??= Object.fromEntries(["Admin", "NetworkPolicy", "Baseline"].map((tier) => [tier, story.policies
    .filter((one) => one.tier === tier && one[way] && !off.has(one.id) && has(one.subject, subject))
    .map((one) => ({ id: one.id, rules: one[way].filter((rule) => !off.has(rule.id)) }))])));
  const fits = (rule, other, receiver) => has(rule.peers, other) && has(rule.ports[port], receiver);
  const firstOf = (policies, other, receiver) => {
    for (const policy of policies) for (const rule of policy.rules) if (fits(rule, other, receiver)) return { action: rule.action, why: `${policy.id} ${rule.says}` };
    return null;
  };

  // One direction: whether it is allowed, and what tells why.
  const side = (way, subject, other, receiver) => {
    const name = story.pods[subject].name;
    if (has(story.free, subject)) return [true, () => [`${name} is in its node's network, and no policy restricts it`]];
    const of = chosen(way, subject);
    const admin = firstOf(of.Admin, other, receiver);
    if (admin && admin.action !== "Pass") return [admin.action === "Accept", () => [admin.why]];
    if (!of.NetworkPolicy.length) {
      const base = firstOf(of.Baseline, other, receiver);
      return [base?.action !== "Deny", () => [base ? base.why : `no policy selects ${name} for ${way}, so nothing restricts it`]];
    }
    if (has(story.home[subject], other)) return [true, () => [`traffic between ${name} and its own node is always allowed`]];
    if (of.NetworkPolicy.some((one) => one.rules.some((rule) => fits(rule, other, receiver)))) {
      return [true, () => of.NetworkPolicy.flatMap((one) => one.rules.filter((rule) => fits(rule, other, receiver)).map((rule) => `${one.id} ${rule.says}`))];
    }
    return [false, () => of.NetworkPolicy.map((one) => `${one.id} selects ${name}, and none of its rules for ${way} fits`)];
  };

  return (who, to) => {
    if (who === to) return { allowed: true, why: () => [`${story.pods[who].name} asks itself, which no policy can forbid`] };
    const sides = { egress: side("egress", who, to, to), ingress: side("ingress", to, who, to) };
    const allowed = sides.egress[0] && sides.ingress[0];
    return { allowed, why: () => Object.entries(sides).filter(([, one]) => one[0] === allowed).flatMap(([way, one]) => one[1]().map((text) => `${way}: ${text}`)) };
  };
}

// --- the map: a box for each namespace, its pods one below the other

const BOX = 172, ROW = 30, GAP = 60, HEAD = 24, DOWN = 26;

function placed(pods) {
  const spaces = [...new Set(pods.map((one) => one.namespace))];
  const columns = [0, 0, 0], boxes = [], at = [];
  for (const space of spaces) {
    const inside = pods.flatMap((one, number) => (one.namespace === space ? [number] : []));
    const column = columns.indexOf(Math.min(...columns)), x = 6 + column * (BOX + GAP), y = 6 + columns[column];
    const height = HEAD + inside.length * ROW + 6;
    inside.forEach((number, down) => { at[number] = { x: x + 8, y: y + HEAD + down * ROW, width: BOX - 16, height: ROW - 6, column }; });
    boxes.push({ space, x, y, width: BOX, height });
    columns[column] += height + DOWN;
  }
  return { boxes, at, width: 3 * BOX + 2 * GAP + 12, height: Math.max(...columns) - DOWN + 12 };
}

function arrow(from, to) {
  const start = from.y + from.height / 2 - 4, end = to.y + to.height / 2 + 4;
  if (from.column === to.column) {
    const x = from.column === 2 ? from.x : from.x + from.width, bend = (from.column === 2 ? -1 : 1) * (18 + Math.min(26, Math.abs(end - start) / 5));
    return { d: `M${x},${start} C${x + bend},${start} ${x + bend},${end} ${x},${end}`, middle: [x + bend * 0.75, (start + end) / 2] };
  }
  const right = to.column > from.column, a = right ? from.x + from.width : from.x, b = right ? to.x : to.x + to.width;
  const bend = (b - a) / 2;
  return { d: `M${a},${start} C${a + bend},${start} ${b - bend},${end} ${b},${end}`, middle: [(a + b) / 2, (start + end) / 2] };
}

function render({ model, el }) {
  const story = model.get("story"), pods = story.pods, count = pods.length;
  const ground = placed(pods);
  let now = [], before = [], cells = [], judge = null;

  // what is switched: a port, policies, rules
  const port = element("select", { "aria-label": "Port" }, ...story.ports.map((one) => element("option", { value: one }, one)));
  const switches = {};
  const labelled = (id, ...text) => {
    const box = element("input", { type: "checkbox", "data-of": id });
    box.onchange = () => switched(id, box.checked);
    switches[id] = box;
    return element("label", {}, box, element("span", {}, ...text));
  };
  const list = story.policies.map((one) => {
    const rules = ["ingress", "egress"].flatMap((way) => (one[way] === null ? [] : one[way].length ? one[way].map((rule) => labelled(rule.id, rule.says))
      : one.tier === "NetworkPolicy" ? [element("p", {}, `${way}: no rule, so nothing is allowed`)] : []));
    return element("fieldset", {}, element("legend", {}, labelled(one.id, element("b", {}, one.id), ` selects ${one.selects}`)), ...rules);
  });
  if (!list.length) list.push(element("p", {}, "There is no policy. Everybody may ask everybody."));

  // the square: one cell for each pair; the arrows move between them
  const many = count > 12;
  const heads = pods.map((one) => element("th", { scope: "col", title: `${one.namespace}: ${one.labels}` }, element("span", {}, one.name)));
  const lines = pods.map((one, who) => {
    const row = pods.map((other, to) => {
      const cell = element("td", { role: "gridcell", tabindex: "-1", "data-who": who, "data-to": to });
      return cell;
    });
    cells.push(row);
    return element("tr", { role: "row" }, element("th", { scope: "row", title: `${one.namespace}: ${one.labels}` }, one.name), ...row);
  });
  const square = element("table", { role: "grid", "aria-label": "From a row to a column", class: many ? "kn-many" : "" },
    element("thead", {}, element("tr", { role: "row" }, element("td", { class: "kn-corner" }, "asks → "), ...heads)), element("tbody", {}, ...lines));
  const map = drawn("svg", { viewBox: `0 0 ${ground.width} ${ground.height}`, role: "img" });
  const still = drawn("g"), arrows = drawn("g"), above = drawn("g"), signs = drawn("g");
  for (const box of ground.boxes) {
    still.append(drawn("rect", { x: box.x, y: box.y, width: box.width, height: box.height, rx: 6, class: "kn-space" }), drawn("text", { x: box.x + 8, y: box.y + 16, class: "kn-space-name" }, box.space));
  }
  const shapes = pods.map((one, number) => {
    const at = ground.at[number];
    const shape = drawn("g", { class: "kn-pod", "data-pod": number }, drawn("rect", { x: at.x, y: at.y, width: at.width, height: at.height, rx: 5 }),
      drawn("text", { x: at.x + 8, y: at.y + 16 }, one.name), drawn("title", {}, `${one.namespace}/${one.name} ${one.labels}`));
    above.append(shape);
    return shape;
  });
  map.append(drawn("defs", {}, ...["plain", "good", "bad"].map((kind) => drawn("marker", { id: `kn-tip-${kind}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" },
    drawn("path", { d: "M0,0 L8,4 L0,8 Z", class: `kn-tip-${kind}` })))), still, arrows, above, signs);

  const changed = element("p", { class: "kn-changed", role: "status" });
  const why = element("div", { class: "kn-why", "aria-live": "polite" });
  const keys = element("p", { class: "kn-keys" });
  keys.innerHTML = "A cell says why. <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> move from cell to cell. ✓ is allowed, · is denied. A cell with a frame inside has just changed; ✗ has just become denied.";
  const root = element("section", { class: "kn kn-policies", "aria-label": story.title },
    element("header", {}, element("strong", {}, story.title), element("label", {}, "Port of the pod that is asked: ", port)),
    element("div", { class: "kn-body" }, element("div", { class: "kn-map" }, map), element("div", { class: "kn-wide" }, square)),
    changed, why, keys, element("div", { class: "kn-switches", role: "group", "aria-label": "Policies and rules" }, ...list));

  const off = () => new Set(model.get("off"));
  const allJudged = () => {
    judge = judging(story, off(), model.get("port"));
    return pods.map((_, who) => pods.map((_, to) => judge(who, to).allowed));
  };
  const place = () => model.get("cell").map((name) => pods.findIndex((one) => one.name === name));

  const paint = () => {
    const [chosenWho, chosenTo] = place();
    cells.forEach((row, who) => row.forEach((cell, to) => {
      const allowed = now[who][to], is_new = before[who][to] !== allowed, is_chosen = who === chosenWho && to === chosenTo;
      const code = (allowed ? 1 : 0) + (is_new ? 2 : 0) + (is_chosen ? 4 : 0);
      if (cell.code === code) return;
      cell.code = code;
      const look = who === to ? "kn-itself" : `${allowed ? "kn-good" : "kn-bad"}${is_new ? " kn-new" : ""}`;
      const text = who === to ? "" : allowed ? "✓" : is_new ? "✗" : "·";
      cell.className = look;
      cell.textContent = text;
      cell.setAttribute("aria-label", `${pods[who].name} to ${pods[to].name}: ${allowed ? "allowed" : "denied"}${is_new ? ", just changed" : ""}`);
      cell.setAttribute("aria-selected", String(is_chosen));
      cell.tabIndex = is_chosen ? 0 : -1;
    }));
    drawArrows(chosenWho, chosenTo);
    explain(chosenWho, chosenTo);
  };
  const drawArrows = (chosenWho, chosenTo) => {
    const pairs = [];
    now.forEach((row, who) => row.forEach((allowed, to) => {
      if (who === to) return;
      const is_new = before[who][to] !== allowed, is_chosen = who === chosenWho && to === chosenTo;
      if (allowed || is_new || is_chosen) pairs.push({ who, to, allowed, is_new, is_chosen });
    }));
    const are_few_new = pairs.filter((one) => one.is_new).length <= MOST_ARROWS;
    const few = pairs.length <= MOST_ARROWS ? pairs : pairs.filter((one) => one.is_chosen || one.who === chosenWho || (one.is_new && are_few_new));
    few.sort((one, other) => (one.is_chosen - other.is_chosen) || (one.is_new - other.is_new));
    const told = [];
    arrows.replaceChildren(...few.map((one) => {
      const kind = one.is_chosen || one.is_new ? (one.allowed ? "good" : "bad") : "plain";
      const line = arrow(ground.at[one.who], ground.at[one.to]);
      if (one.is_chosen || one.is_new) told.push(drawn("text", { x: line.middle[0], y: line.middle[1] + 5, "text-anchor": "middle", class: `kn-sign kn-${kind}` }, one.allowed ? "✓" : "✗"));
      return drawn("path", { d: line.d, class: `kn-arrow kn-${kind}${one.is_chosen ? " kn-chosen" : ""}`, "marker-end": `url(#kn-tip-${kind})` });
    }));
    signs.replaceChildren(...told);
    shapes.forEach((shape, number) => shape.classList.toggle("kn-chosen", number === chosenWho || number === chosenTo));
    const left = few.length < pairs.length ? ` Only the arrows of ${pods[chosenWho].name} and what has changed are drawn.` : "";
    map.setAttribute("aria-label", `Map of ${count} pods at ${model.get("port")}: ${pairs.filter((one) => one.allowed).length} pairs may talk.${left}`);
  };
  const explain = (who, to) => {
    const said = judge(who, to);
    why.replaceChildren(element("p", {}, element("b", {}, `${pods[who].name} → ${pods[to].name} at ${model.get("port")}: `), element("b", { class: said.allowed ? "kn-good" : "kn-bad" }, said.allowed ? "✓ allowed" : "✗ denied")),
      element("ul", {}, ...said.why().map((text) => element("li", {}, text))));
  };
  const tell = () => {
    const found = [];
    now.forEach((row, who) => row.forEach((allowed, to) => { if (before[who][to] !== allowed) found.push(`${pods[who].name} → ${pods[to].name} is now ${allowed ? "allowed" : "denied"}`); }));
    const more = found.length > MOST_TOLD ? `; and ${found.length - MOST_TOLD} more` : "";
    changed.textContent = found.length ? `${found.length} ${found.length === 1 ? "pair has" : "pairs have"} changed: ${found.slice(0, MOST_TOLD).join("; ")}${more}.`
      : "No pair has changed.";
  };
  const redraw = (is_fresh) => {
    const begun = performance.now(), gone = off();
    before = is_fresh ? [] : now;
    now = allJudged();
    if (is_fresh) before = now;
    for (const [id, box] of Object.entries(switches)) box.checked = !gone.has(id);
    for (const one of story.policies) for (const way of ["ingress", "egress"]) for (const rule of one[way] ?? []) switches[rule.id].disabled = gone.has(one.id);
    port.value = model.get("port");
    paint();
    if (is_fresh) changed.textContent = story.policies.length ? "Switch a policy or a rule off and on below, and see what changes." : "";
    else tell();
    root.dataset.ms = String(performance.now() - begun);
  };
  const switched = (id, is_on) => {
    const gone = off();
    if (is_on) gone.delete(id); else gone.add(id);
    model.set("off", [...gone]);
    model.save_changes();
  };
  const choose = (who, to, focus) => {
    model.set("cell", [pods[who].name, pods[to].name]);
    model.save_changes();
    if (focus) cells[who][to].focus();
  };
  square.addEventListener("click", (event) => {
    const cell = event.target.closest("td[data-who]");
    if (cell) choose(Number(cell.dataset.who), Number(cell.dataset.to), true);
  });
  const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  square.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !moves[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    const [who, to] = place(), [down, across] = moves[event.key];
    if (cells[who + down]?.[to + across]) choose(who + down, to + across, true);
  });
  port.onchange = () => { model.set("port", port.value); model.save_changes(); };
  const onPort = () => redraw(true), onOff = () => redraw(false);
  model.on("change:port", onPort);
  model.on("change:off", onOff);
  model.on("change:cell", paint);
  redraw(true);
  keepKeys(root);
  el.append(root);
  return () => {
    model.off("change:port", onPort);
    model.off("change:off", onOff);
    model.off("change:cell", paint);
  };
}

export default { render };
