// What every page of the site has: the switch between light and dark, and the search. `kubenet` is what its scripts share.
const kubenet = { widgets: {}, controls: {}, here: document.currentScript.src.replace(/assets\/page\.js.*$/, "") };

// A classic script of the site, once: a page that is opened from a disk may fetch nothing else.
kubenet.script = (name) => {
  const loads = (kubenet.loading ??= new Map());
  if (!loads.has(name)) {
    loads.set(name, new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = kubenet.here + name;
      script.onload = done;
      script.onerror = () => { loads.delete(name); failed(new Error(`${name} could not be loaded`)); };
      document.head.append(script);
    }));
  }
  return loads.get(name);
};

{
  const button = document.getElementById("theme"), body = document.body;
  const isDark = () => (body.dataset.jpThemeLight ?? String(!matchMedia("(prefers-color-scheme: dark)").matches)) === "false";
  const show = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.onclick = () => {
    body.dataset.jpThemeLight = String(isDark());
    try { localStorage.setItem("kubenet-light", body.dataset.jpThemeLight); } catch { /* kept for this page alone */ }
    show();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

for (const list of document.querySelectorAll(".inside details")) list.open = innerWidth >= 1120; // on a narrow page the text comes first

// The index is {words: {word: [number of a section, ...]}, sections: [[page, chapter, heading], ...]}, in assets/index.js.
kubenet.search = (said) => {
  const { words, sections } = kubenet.index;
  const asked = said.toLowerCase().match(/[\p{L}\p{N}_./:-]+/gu) ?? [];
  let left = null;
  for (const [at, word] of asked.entries()) {
    const isLast = at === asked.length - 1, hits = new Map();
    for (const [known, places] of Object.entries(words)) {
      if (known !== word && !(isLast && known.startsWith(word))) continue;
      for (const place of places) hits.set(place, Math.max(hits.get(place) ?? 0, known === word ? 2 : 1));
    }
    left = left === null ? hits : new Map([...left].filter(([place]) => hits.has(place)).map(([place, n]) => [place, n + hits.get(place)]));
  }
  const inHeading = (place) => asked.filter((word) => sections[place][2].toLowerCase().includes(word)).length * 3;
  const rank = ([place, n]) => n + inHeading(place);
  return [...(left ?? [])].sort((one, other) => rank(other) - rank(one) || one[0] - other[0]).map(([place]) => sections[place]);
};

{
  const input = document.getElementById("seek"), list = document.querySelector(".found"), count = document.getElementById("found-count");
  const show = async () => {
    await kubenet.script("assets/index.js");
    const asked = input.value.trim(), found = asked.length > 1 ? kubenet.search(asked) : [];
    list.replaceChildren(...found.slice(0, 20).map(([page, chapter, heading]) => {
      const item = document.createElement("li"), link = document.createElement("a"), small = document.createElement("small");
      link.href = page; link.textContent = heading; small.textContent = chapter;
      item.append(link, small);
      return item;
    }));
    list.hidden = !found.length;
    count.textContent = asked.length > 1 ? `${found.length} found` : "";
  };
  input.oninput = show;
  input.onkeydown = (event) => {
    if (event.key === "Escape") { input.value = ""; list.hidden = true; count.textContent = ""; }
    if (event.key === "Enter") list.querySelector("a")?.click();
  };
}
