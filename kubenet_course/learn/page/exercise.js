// Draws a question that the notebook's kernel has sent, sends answers to it, and shows what it says. It knows no right answer.

const PATIENCE = 6000; // milliseconds until we say that nobody answers

// Each control: what to show, how to read it ("" or null: nothing yet), how to fill it in again.
const CONTROLS = {
  text(form, name) {
    const input = element("input", { type: "text", id: name, autocomplete: "off", spellcheck: "false", class: "kn-mono" });
    const label = element("label", { for: name }, form.label || "Your answer");
    return { root: element("div", { class: "kn-field" }, label, input), read: () => input.value, fill: (said) => { input.value = said ?? ""; }, submits: [input] };
  },
  area(form, name) {
    const rows = String(Math.min(26, Math.max(4, form.starts.split("\n").length + 1)));
    const input = element("textarea", { id: name, rows, spellcheck: "false", class: "kn-mono", wrap: "off" });
    const label = element("label", { for: name }, form.label);
    input.value = form.starts;
    return { root: element("div", { class: "kn-field" }, label, input), read: () => input.value, fill: (said) => { input.value = said ?? form.starts; }, submits: [] };
  },
  words(form, name) { return options(form.options, name, "radio", false, false); },
  choice(form, name) { return options(form.options, name, "radio", true, true); },
  choices(form, name) { return options(form.options, name, "checkbox", true, true); },
  frame(form, name) {
    const inputs = new Map();
    const body = element("tbody");
    let layer = "";
    form.rows.forEach((row, at) => {
      if (row.layer !== layer) body.append(element("tr", {}, element("th", { colspan: "2", scope: "rowgroup", class: "kn-layer" }, row.layer)));
      layer = row.layer;
      const id = `${name}-${at}`;
      const held = row.name ? element("input", { type: "text", id, autocomplete: "off", spellcheck: "false", class: "kn-mono", "aria-label": row.name }) : row.value;
      if (row.name) inputs.set(row.name, held);
      const head = element("th", { scope: "row" }, row.name ? element("label", { for: id }, row.field) : row.field);
      body.append(element("tr", row.name ? { class: "kn-hidden" } : {}, head, element("td", { class: "kn-mono" }, held)));
    });
    return {
      root: element("div", { class: "kn-wide" }, element("table", { class: "kn-frame" }, body)),
      read: () => Object.fromEntries([...inputs].map(([key, input]) => [key, input.value])),
      fill: (said) => { for (const [key, input] of inputs) input.value = said?.[key] ?? ""; },
      mark: (parts) => { for (const [key, input] of inputs) { const right = parts?.[key]; input.classList.toggle("kn-ok", right === true); input.classList.toggle("kn-no", right === false); if (right === undefined) input.removeAttribute("aria-invalid"); else input.setAttribute("aria-invalid", String(!right)); } },
      submits: [...inputs.values()],
    };
  },
  order(form) {
    const list = element("ol", { class: "kn-order" });
    const heard = element("div", { class: "kn-only-heard", "aria-live": "polite" });
    let touched = false;
    const changed = () => list.dispatchEvent(new Event("input", { bubbles: true }));
    function move(item, by) {
      const items = [...list.children], to = items.indexOf(item) + by;
      if (to < 0 || to >= items.length) return;
      touched = true;
      if (by < 0) list.insertBefore(item, items[to]); else list.insertBefore(items[to], item);
      heard.textContent = `${item.dataset.letter} is now number ${to + 1}`;
      changed();
    }
    for (const [letter, html] of form.options) {
      const up = element("button", { type: "button", "aria-label": `Move ${letter} up`, title: "Up" }, "↑");
      const down = element("button", { type: "button", "aria-label": `Move ${letter} down`, title: "Down" }, "↓");
      const item = element("li", { "data-letter": letter }, element("span", { class: "kn-moves" }, up, down), element("b", {}, `${letter} `), rich("span", {}, html));
      up.onclick = () => { move(item, -1); up.focus(); };
      down.onclick = () => { move(item, 1); down.focus(); };
      list.append(item);
    }
    return {
      root: element("div", {}, element("p", { class: "kn-quiet" }, "First at the top. Move with the arrow buttons."), list, heard),
      read: () => (touched ? [...list.children].map((item) => item.dataset.letter) : null),
      fill: (said) => {
        const known = form.options.map(([letter]) => letter);
        touched = Array.isArray(said) && said.length === known.length && said.every((letter) => known.includes(letter));
        const order = touched ? said : known;
        for (const letter of order) { const item = [...list.children].find((one) => one.dataset.letter === letter); if (item) list.append(item); }
      },
      submits: [],
    };
  },
};

// Of what only tells something, such as a prediction beside the truth.
function SILENT() {
  return { root: "", read: () => null, fill: () => {}, submits: [] };
}

function options(offered, name, type, letters, other) {
  const group = element("fieldset", {}, element("legend", {}, type === "radio" ? "Choose one" : "Mark all that hold"));
  const boxes = offered.map(([letter, html]) => {
    const box = element("input", { type, name, value: letter });
    group.append(element("label", { class: "kn-option" }, box, letters ? element("b", {}, letter) : "", rich("span", {}, html)));
    return box;
  });
  const own = element("input", { type: "text", "aria-label": "Other, in your own words", placeholder: "in your own words" });
  const otherBox = element("input", { type, name, value: "other" });
  if (other) group.append(element("label", { class: "kn-option" }, otherBox, element("span", {}, "Other:"), own));
  own.oninput = () => { otherBox.checked = Boolean(own.value); };
  return {
    root: group,
    read: () => {
      if (other && otherBox.checked) return { other: own.value };
      const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
      return type === "checkbox" ? chosen : chosen[0] ?? null;
    },
    fill: (said) => {
      const chosen = Array.isArray(said) ? said : [said];
      for (const box of boxes) box.checked = chosen.includes(box.value);
      own.value = said?.other ?? "";
      otherBox.checked = Boolean(own.value);
    },
    submits: other ? [own] : [],
  };
}

function render({ model, el }) {
  const root = element("section", { class: "kn kn-exercise" });
  keepKeys(root);
  el.append(root);
  const send = (content) => {
    const before = model.get("heard");
    try { model.send(content); } catch { return nobody(); }
    clearTimeout(root.waiting);
    root.waiting = setTimeout(() => { if (model.get("heard") === before) nobody(); }, PATIENCE);
  };
  const nobody = () => { const line = root.querySelector(".kn-asleep"); if (line) line.hidden = false; };

  function draw() {
    const form = model.get("form"), name = `kn-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`; // each widget has a module of its own
    root.replaceChildren();
    root.setAttribute("aria-label", form.id ? `${form.heading} (${form.id})` : form.heading);
    const control = form.input ? CONTROLS[form.input](form, name) : SILENT();
    const state = element("span", { class: "kn-state" });
    const check = element("button", { type: "button", class: "kn-check" }, form.button);
    const hint = element("button", { type: "button" }, "Hint");
    const full = element("button", { type: "button" }, "Show me");
    const again = element("button", { type: "button" }, "Another one like it");
    const said = element("div", { class: "kn-said", "aria-live": "polite" });
    const hints = element("div", { class: "kn-hints", "aria-live": "polite" });
    const asleep = element("p", { class: "kn-asleep", role: "status" }, "Run this cell to answer here (Shift and Enter).");
    root.append(
      element("header", {}, element("strong", {}, form.heading), state),
      rich("div", { class: "kn-asks" }, form.asks), control.root,
      ...(form.button ? [element("div", { class: "kn-buttons" }, check, ...(form.helps ? [hint, full, again] : [])), asleep] : []), hints, said,
    );
    control.fill(model.get("draft"));
    const answer = () => send({ do: "check", answer: control.read() });
    check.onclick = answer;
    hint.onclick = () => send({ do: "hint" });
    full.onclick = () => send({ do: "full" });
    again.onclick = () => send({ do: "next" });
    for (const input of control.submits) input.onkeydown = (event) => { if (event.key === "Enter") { event.preventDefault(); answer(); } };
    root.oninput = () => { model.set("draft", control.read()); model.save_changes(); };
    const show = () => {
      const reply = model.get("reply"), live = model.get("live");
      state.textContent = reply.head; state.className = `kn-state kn-${reply.state}`;
      said.innerHTML = reply.html; said.className = `kn-said kn-${reply.state}`; said.hidden = !reply.html;
      hints.innerHTML = reply.hints; hints.hidden = !reply.hints;
      hint.textContent = reply.hint; hint.hidden = !reply.hint;
      full.textContent = reply.full; full.hidden = !reply.full;
      again.textContent = reply.next; again.hidden = !reply.next;
      control.mark?.(reply.parts);
      asleep.hidden = live;
      for (const one of root.querySelectorAll("button, input, textarea, fieldset")) one.disabled = !live || (reply.done && one !== again);
    };
    show();
    root.show = show;
  }
  const show = () => { clearTimeout(root.waiting); root.show(); };
  draw();
  model.on("change:form", draw);
  model.on("change:reply", show);
  model.on("change:live", show);
  send({ do: "hello" });
  return () => { clearTimeout(root.waiting); model.off("change:form", draw); model.off("change:reply", show); model.off("change:live", show); };
}

export default { render };
