// A line to type on. The kernel of the notebook carries it out; this page shows what it says, the picture, and what was learned.

const PATIENCE = 6000; // milliseconds until we say that nobody answers

function render({ model, el }) {
  const form = model.get("form"), name = `kn-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  const log = element("div", { class: "kn-log", role: "log", "aria-live": "polite", "aria-label": "What came of the commands", tabindex: "0" });
  const input = element("input", { type: "text", id: name, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const run = element("button", { type: "button", class: "kn-run" }, "Run");
  const again = element("button", { type: "button" }, "Start again");
  const line = element("div", { class: "kn-line" }, element("label", { for: name }, form.prompt), input, run, again);
  const picture = element("div", { class: "kn-picture" }), learned = element("div", { class: "kn-learned" });
  const asleep = element("p", { class: "kn-asleep", role: "status" }, "Run this cell to type here (Shift and Enter).");
  const keys = element("p", { class: "kn-keys" }, "Enter runs the line. Arrow up and down bring earlier lines back. Tab completes a word; on an empty line it leaves the terminal.");
  const begun = element("details", {}, element("summary", {}, "What has been typed already"), element("pre", {}, form.begun));
  begun.hidden = !form.begun;
  const root = element("section", { class: "kn kn-terminal", "aria-label": form.title, "data-lm-suppress-shortcuts": "true" },
    element("header", {}, element("strong", {}, form.title)),
    element("div", { class: "kn-halves" },
      element("div", { class: "kn-half" }, begun, log, line, asleep, keys),
      element("div", { class: "kn-half" }, picture, learned)));
  el.append(root);
  // No key reaches the notebook's own commands: there x cuts the cell, and Enter edits it.
  for (const kind of ["keydown", "keyup", "keypress"]) root.addEventListener(kind, (event) => event.stopPropagation());
  const choices = element("p", { class: "kn-choices", role: "status" });
  line.after(choices);

  let waiting, back = 0, unsent = "";
  const nobody = () => { asleep.hidden = false; };
  const send = (content) => {
    const before = model.get("heard");
    try { model.send(content); } catch { return nobody(); }
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (model.get("heard") === before) nobody(); }, PATIENCE);
  };
  const typed = () => model.get("reply").log.map((one) => one.line);

  const enter = () => {
    if (input.value.trim()) send({ do: "run", answer: input.value });
    input.value = ""; back = 0; unsent = ""; choices.textContent = "";
    input.focus();
  };
  run.onclick = enter;
  again.onclick = () => { send({ do: "again" }); back = 0; input.focus(); };
  input.addEventListener("keydown", (event) => { // JupyterLab has keys of its own, and forms do not hear Enter
    if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); event.stopPropagation(); return enter(); }
    if (event.key === "Tab" && !event.shiftKey && input.value.trim()) {
      event.preventDefault();
      return send({ do: "complete", answer: input.value });
    }
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const lines = typed(), to = Math.max(0, Math.min(lines.length, back + by));
    if (!back) unsent = input.value;
    back = to;
    input.value = back ? lines[lines.length - back] : unsent;
    input.setSelectionRange(input.value.length, input.value.length);
  });

  const complete = () => {
    clearTimeout(waiting);
    const { line: asked, whole, words } = model.get("completed");
    if (asked !== input.value) return;
    input.value = whole;
    choices.textContent = words.length > 1 ? words.join("  ") : "";
  };
  let shown = [];
  const show = () => {
    clearTimeout(waiting);
    const reply = model.get("reply"), live = model.get("live");
    const fresh = shown.length <= reply.log.length && shown.every((one, at) => one === reply.log[at].line) ? reply.log.slice(shown.length) : null;
    if (!fresh) log.replaceChildren();
    for (const one of fresh ?? reply.log) log.append(rich("div", { class: one.refused ? "kn-entry kn-refused" : "kn-entry" }, one.html));
    shown = reply.log.map((one) => one.line);
    log.hidden = !reply.log.length;
    log.scrollTop = log.scrollHeight;
    picture.innerHTML = reply.picture;
    learned.innerHTML = reply.learned;
    asleep.hidden = live;
    for (const one of [input, run, again]) one.disabled = !live;
  };
  show();
  model.on("change:reply", show);
  model.on("change:live", show);
  model.on("change:completed", complete);
  send({ do: "hello" });
  return () => { clearTimeout(waiting); model.off("change:reply", show); model.off("change:live", show); model.off("change:completed", complete); };
}

export default { render };
