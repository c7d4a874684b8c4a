// Seven ways to spread one workload. Everything is computed here, in whole numbers, as kube/balance does it in Python.

const CLIENTS = 40, USUAL = 4, FAILS = 1, LASTS = 3000, BUCKETS = 256;

// --- the workload

function drawing(seed) {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) * bound) / 4294967296);
  };
}

export function connections(kind, seed) {
  const below = drawing(seed), made = [];
  let at = 0;
  if (kind === "long") {
    for (let client = 0; client < CLIENTS; client++) {
      at += below(21);
      const many = client % 5 === 2 ? 25 : 5, requests = [];
      for (let n = 0; n < many; n++) requests.push([at + Math.floor((n * LASTS + below(LASTS)) / many), 24]);
      requests[0] = [at, 24];
      made.push({ client, requests, stays: true });
    }
    return made;
  }
  for (let n = 0; n < 240; n++) {
    at += below(kind === "mixed" ? 41 : 21);
    const client = below(CLIENTS);
    let work = 12 * (1 + below(3));
    if (kind === "mixed") work = below(10) ? 12 : 360;
    made.push({ client, requests: [[at, work]], stays: false });
  }
  return made;
}

// --- the schedulers of IPVS, every weight being 1: `open` and `closed` count this node's connections with each pod

const hash = (value) => Math.imul(value, 0x61c88647) >>> 24;
const number = (octets) => octets.reduce((whole, octet) => ((whole << 8) | octet) >>> 0, 0);
const SERVICE = number([10, 96, 1, 1]);

function least(costs) {
  let best = 0;
  costs.forEach((cost, at) => { if (cost < costs[best]) best = at; });
  return best;
}

const SCHEDULERS = {
  rr: (node) => (node.last = (node.last + 1) % node.count),
  lc: (node) => least(node.open.map((open, at) => open * 256 + node.closed[at])),
  dh: (node) => hash(SERVICE) % node.count,
  sh: (node, client) => hash(client) % node.count,
  sed: (node) => least(node.open.map((open) => open + 1)),
  nq: (node) => { const idle = node.open.indexOf(0); return idle >= 0 ? idle : least(node.open.map((open) => open + 1)); },
};

export function spread(scheduler, workload, speeds, nodes, seed) {
  const count = speeds.length, zeros = () => Array(count).fill(0);
  const below = drawing(seed + 1), placing = drawing(seed + 2), asked = connections(workload, seed);
  const addresses = Array.from({ length: CLIENTS }, (_, client) => number([10, 244, 1 + client, 2 + placing(250)]));
  const rule = SCHEDULERS[scheduler];
  const each = Array.from({ length: nodes }, () => ({ count, last: -1, ends: Array.from({ length: count }, () => []) }));
  const requests = asked.flatMap((one, at) => one.requests.map(([when, work]) => [when, at, work])).sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  const chosen = new Map(), free = zeros(), got = zeros(), served = zeros(), waits = [];
  let errors = 0;
  for (const [at, which, work] of requests) {
    const one = asked[which], first = !chosen.has(which), node = each[one.client % nodes];
    if (first && rule) {
      node.open = node.ends.map((ends) => ends.filter((end) => end < 0 || end > at).length);
      node.closed = node.ends.map((ends, pod) => ends.length - node.open[pod]);
    }
    if (first) chosen.set(which, rule ? rule(node, addresses[one.client]) : below(count));
    const pod = chosen.get(which);
    let end = at + FAILS;
    if (speeds[pod]) end = free[pod] = Math.max(at, free[pod]) + Math.floor((work * USUAL) / speeds[pod]);
    else errors += 1;
    if (first) { got[pod] += 1; node.ends[pod].push(one.stays ? -1 : end); }
    served[pod] += 1;
    waits.push(end - at);
  }
  waits.sort((a, b) => a - b);
  const total = got.reduce((a, b) => a + b);
  return {
    scheduler, got, served, errors, total, typical: waits[Math.floor(waits.length / 2)], slowest: waits[Math.floor((waits.length * 19) / 20)],
    most: Math.floor((2 * 100 * Math.max(...got) + total) / (2 * total)),
  };
}

export const sentence = (one) => `${one.scheduler}: of ${one.total} connections ${one.got.map((n, at) => `pod ${at + 1} ${n}`).join(", ")}; half of the requests are answered within ${one.typical} ms, `
  + `19 of 20 within ${one.slowest} ms${one.errors ? `; ${one.errors} requests get an error` : ""}.`;

// --- the page

const fast = (speed) => ({ 0: "answers with an error", 1: "a quarter of the usual speed", 2: "half the usual speed", 6: "one and a half times the usual speed" })[speed] ?? "the usual speed";

function bar(one) {
  const made = element("div", { class: "kn-bar", role: "img", "aria-label": one.got.map((n, at) => `pod ${at + 1}: ${n}`).join(", ") });
  one.got.forEach((n, at) => {
    if (!n) return;
    const part = element("span", { class: `kn-pod-${at}`, title: `pod ${at + 1}: ${n} of ${one.total} connections` }, n / one.total > 0.08 ? `${at + 1}: ${n}` : "");
    part.style.flex = `${n} 1 0`;
    made.append(part);
  });
  return made;
}

function render({ model, el }) {
  const story = model.get("story");
  const wish = (changed) => { model.set("wishes", { ...model.get("wishes"), ...changed }); model.save_changes(); };
  const choice = (name, among) => {
    const list = element("select", { "data-of": name, "aria-label": name }, ...among.map(([value, said]) => element("option", { value }, said)));
    list.onchange = () => wish({ [name]: list.value });
    return list;
  };
  const workload = choice("workload", story.workloads), pods = choice("pods", story.pods);
  const nodes = element("input", { type: "range", min: "1", max: String(story.most_nodes), step: "1", "data-of": "nodes", "aria-label": "nodes on which the clients run" });
  nodes.oninput = () => wish({ nodes: Number(nodes.value) });
  const shown = element("output", {}), again = element("button", { type: "button", class: "kn-again", "data-of": "seed" }, "Draw another workload"), drawn = element("span", {});
  again.onclick = () => wish({ seed: (model.get("wishes").seed % story.most_seed) + 1 });
  const form = element("div", { class: "kn-form" }, element("label", {}, "workload", workload), element("label", {}, "pods", pods), ...(story.has_nodes ? [element("label", {}, "nodes", nodes, shown)] : []),
    element("div", {}, again, " ", drawn));

  const heads = ["scheduler", "which pod gets how many connections", "largest share", "half within", "19 of 20 within", "errors"];
  const ways = Object.fromEntries(story.ways);
  const lines = story.ways.map(([name]) => {
    const button = element("button", { type: "button", "data-of": name }, name);
    button.onclick = () => wish({ scheduler: name });
    const cells = [1, 2, 3, 4, 5].map(() => element("td"));
    return { name, button, cells, row: element("tr", {}, element("th", { scope: "row" }, button), ...cells) };
  });
  const columns = element("colgroup", {}, element("col", { class: "kn-name" }), element("col"), ...[1, 2, 3, 4].map(() => element("col", { class: "kn-number" })));
  const table = element("table", { "aria-label": story.title }, columns, element("thead", {}, element("tr", {}, ...heads.map((one) => element("th", { scope: "col" }, one)))),
    element("tbody", {}, ...lines.map((one) => one.row)));
  const changed = element("p", { class: "kn-changed", role: "status" }), why = element("p", { class: "kn-why" }), words = element("ul", { class: "kn-words" });
  const legend = element("p", { class: "kn-legend" }, ...[0, 1, 2, 3].map((at) => element("b", { class: `kn-pod-${at}` }, `pod ${at + 1}`)),
    " in the order of the kernel's list. “Half within”: so many milliseconds after it was sent, half of the requests had their answer. Choose a scheduler's name to read about it.");
  const root = element("section", { class: "kn kn-balance", "aria-label": story.title }, element("p", { class: "kn-title" }, story.title), form, changed,
    element("div", { class: "kn-wide" }, table), why, legend, element("details", {}, element("summary", {}, "Every row in words"), words));

  let before = null;
  const show = () => {
    const now = model.get("wishes"), speeds = story.speeds[now.pods];
    workload.value = now.workload;
    pods.value = now.pods;
    nodes.value = String(now.nodes);
    shown.textContent = now.nodes === 1 ? "1 node" : `${now.nodes} nodes`;
    nodes.setAttribute("aria-valuetext", shown.textContent);
    drawn.textContent = `(this is draw ${now.seed})`;
    const all = Object.fromEntries(lines.map(({ name }) => [name, spread(name, now.workload, speeds, now.nodes, now.seed)]));
    for (const { name, button, cells } of lines) {
      const one = all[name];
      button.setAttribute("aria-pressed", String(name === now.scheduler));
      cells[0].replaceChildren(bar(one));
      [`${one.most} %`, `${one.typical} ms`, `${one.slowest} ms`, String(one.errors)].forEach((text, at) => { cells[at + 1].textContent = text; });
    }
    const one = all[now.scheduler], was = before && before.scheduler === one.scheduler && before.most !== one.most ? ` (before: ${before.most} %)` : "";
    changed.textContent = `${one.scheduler}: the pod with most gets ${one.most} % of all connections${was}; 25 % would be its equal share.`;
    why.textContent = `${one.scheduler}, ${ways[one.scheduler]}. ` + one.got.map((n, at) => `Pod ${at + 1} (${fast(speeds[at])}) has ${n} connections and ${one.served[at]} requests`).join("; ") + ".";
    words.replaceChildren(...lines.map(({ name }) => element("li", {}, sentence(all[name]))));
    before = one;
    root.dataset.drawn = String(Number(root.dataset.drawn ?? 0) + 1);
  };
  // The page around would take these keys, and the slider would never see them.
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    if (event.target !== nodes || !(event.key in steps)) return;
    event.preventDefault();
    nodes.value = String(Math.max(1, Math.min(story.most_nodes, Number(nodes.value) + steps[event.key])));
    nodes.dispatchEvent(new Event("input"));
  });
  show();
  model.on("change:wishes", show);
  keepKeys(root);
  el.append(root);
  return () => model.off("change:wishes", show);
}

export default { render };
