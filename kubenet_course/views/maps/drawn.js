// Draws a small map into a box: machines with their pods inside, and the links below them. Nothing here needs a kernel.

function named(one, kind) {
  const parts = [element("b", {}, one.marked ? `★ ${one.name}` : one.name), " ", element("span", { class: "kn-address" }, one.address)];
  return element("span", { class: `kn-named kn-${kind}${one.marked ? " kn-marked" : ""}` }, ...parts);
}

function machine(one) {
  const inside = one.pods.map((pod) => element("li", {}, named(pod, "pod")));
  if (one.more) inside.push(element("li", { class: "kn-quiet" }, `and ${one.more} more`));
  const parts = [named(one, "head")];
  if (inside.length) parts.push(element("ul", {}, ...inside));
  if (one.inside.length) parts.push(element("div", { class: "kn-bridge" }, one.inside.join(", ")));
  return element("li", { class: `kn-machine kn-is-${one.kind}${one.marked ? " kn-marked" : ""}` }, ...parts);
}

function drawMap(root, map, title) {
  root.setAttribute("aria-label", `Map: ${title}${map.path ? `, ${map.path}` : ""}`);
  const links = map.links.map((one) => element("li", {}, element("b", {}, one.title), ` joins ${one.ends.join(", ")}`));
  root.replaceChildren(element("strong", {}, title), element("ul", { class: "kn-machines" }, ...map.machines.map(machine)));
  if (links.length) root.append(element("ul", { class: "kn-links" }, ...links));
  if (map.path) root.append(element("p", { class: "kn-path" }, `★ ${map.path}`));
  const counted = map.machines.reduce((sum, one) => sum + one.more, 0), others = map.left_out - counted;
  if (others > 0) root.append(element("p", { class: "kn-quiet" }, `Not drawn: ${others} more.`));
}

