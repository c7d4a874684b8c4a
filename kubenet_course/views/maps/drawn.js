// Draws a small map into a box: machines with their pods inside, and the links below them. Nothing here needs a kernel.

function mapElement(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function named(one, kind) {
  const parts = [mapElement("b", {}, one.marked ? `★ ${one.name}` : one.name), " ", mapElement("span", { class: "kn-address" }, one.address)];
  return mapElement("span", { class: `kn-named kn-${kind}${one.marked ? " kn-marked" : ""}` }, ...parts);
}

function machine(one) {
  const inside = one.pods.map((pod) => mapElement("li", {}, named(pod, "pod")));
  if (one.more) inside.push(mapElement("li", { class: "kn-quiet" }, `and ${one.more} more`));
  const parts = [named(one, "head")];
  if (inside.length) parts.push(mapElement("ul", {}, ...inside));
  if (one.inside.length) parts.push(mapElement("div", { class: "kn-bridge" }, one.inside.join(", ")));
  return mapElement("li", { class: `kn-machine kn-is-${one.kind}${one.marked ? " kn-marked" : ""}` }, ...parts);
}

function drawMap(root, map, title) {
  root.setAttribute("aria-label", `Map: ${title}${map.path ? `, ${map.path}` : ""}`);
  const links = map.links.map((one) => mapElement("li", {}, mapElement("b", {}, one.title), ` joins ${one.ends.join(", ")}`));
  root.replaceChildren(mapElement("strong", {}, title), mapElement("ul", { class: "kn-machines" }, ...map.machines.map(machine)));
  if (links.length) root.append(mapElement("ul", { class: "kn-links" }, ...links));
  if (map.path) root.append(mapElement("p", { class: "kn-path" }, `★ ${map.path}`));
  const counted = map.machines.reduce((sum, one) => sum + one.more, 0), others = map.left_out - counted;
  if (others > 0) root.append(mapElement("p", { class: "kn-quiet" }, `Not drawn: ${others} more.`));
}

