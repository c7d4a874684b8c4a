// Which statements hold in a version. All versions were sent once; the slider only chooses.

const WORDS = { new: "new", ended: "no longer" };
const ORDER = ["new", "ended", "holds"];

function render({ model, el }) {
  const story = model.get("story");
  const slider = element("input", { type: "range", min: "0", max: String(story.versions.length - 1), step: "1", "aria-label": "version" });
  const shown = element("output"), list = element("ul", { "aria-live": "polite" });
  const root = element("section", { class: "kn kn-versions", "aria-label": story.title }, element("label", {}, story.title, slider, shown), list);
  const versions = (one) => (one.since ? `since ${one.since}` : "always") + (one.until ? `, until ${one.until}` : "");
  const show = () => {
    const at = story.versions.indexOf(model.get("version"));
    slider.value = String(at);
    shown.textContent = model.get("version");
    slider.setAttribute("aria-valuetext", shown.textContent);
    const rows = story.rows.filter((one) => one.states[at]).sort((a, b) => ORDER.indexOf(a.states[at]) - ORDER.indexOf(b.states[at]));
    list.replaceChildren(...rows.map((one) => element("li", { class: `kn-${one.states[at]}` }, ...(WORDS[one.states[at]] ? [element("b", {}, `${WORDS[one.states[at]]}:`), " "] : []),
      `${one.statement} `, element("small", {}, `(${versions(one)}; `, element("a", { href: one.source, target: "_blank", rel: "noopener" }, "source"), ")"))));
  };
  slider.oninput = () => { model.set("version", story.versions[Number(slider.value)]); model.save_changes(); };
  const steps = { ArrowRight: 1, ArrowUp: 1, PageUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: -1, Home: -Infinity, End: Infinity };
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    if (event.target !== slider || !(event.key in steps)) return;
    event.preventDefault();
    slider.value = String(Math.max(0, Math.min(story.versions.length - 1, Number(slider.value) + steps[event.key])));
    slider.dispatchEvent(new Event("input"));
  });
  show();
  model.on("change:version", show);
  keepKeys(root);
  el.append(root);
  return () => model.off("change:version", show);
}

export default { render };
