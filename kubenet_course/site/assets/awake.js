// What needs the models wakes Python, on first need and in a worker; what was saved stays on the page until something new is there, and
// comes back with "As it was". Widgets that Python makes talk to it by the messages of Jupyter's comms (kubenet_course/site/living.py).
{
  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const cells = [...document.querySelectorAll(".cell")], ran = new Set();
  const FREE = ["exercise", "predict", "practice", "warm_up"]; // cells that a page answers without running them
  let worker, broken = "", count = 0;
  const waiting = new Map();

  kubenet.why = () => {
    if (!kubenet.page.python) return "This copy of the site was made without Python. Open the chapter as a notebook.";
    if (location.protocol === "file:") return "Python cannot run on a page that is opened from a disk. Put the site on a web server, or open the chapter as a notebook.";
    if (typeof WebAssembly !== "object" || typeof Worker !== "function") return "This browser cannot run Python. Open the chapter as a notebook.";
    return broken && `Python does not run here (${broken}). Open the chapter as a notebook.`;
  };
  kubenet.canWake = () => !kubenet.why();

  const line = element("div", { class: "waking", role: "status" }), said = element("span"), stop = element("button", { type: "button" }, "Stop it");
  line.append(said, stop);
  line.hidden = true;
  document.querySelector(".kn-page").append(line);
  const tell = (text) => { said.textContent = text; line.hidden = !text; };
  const end = (why) => {
    worker?.terminate();
    worker = undefined;
    ran.clear();
    for (const { failed } of waiting.values()) failed(new Error(why));
    waiting.clear();
    tell("");
  };
  stop.onclick = () => end("it was stopped");

  const opened = (id, saved) => {
    const model = new kubenet.Model(id, saved);
    const send = async (data) => {
      const answer = await order({ do: "message", id, data, book: await kubenet.book.read() }).catch((error) => ({ failed: error.message }));
      if (answer.book) await keep(answer.book);
    };
    model.comm = {
      update: (state) => send({ method: "update", state, buffer_paths: [] }),
      custom: (content) => send({ method: "custom", content }),
    };
    kubenet.models.set(id, model);
  };
  const letter = ({ do: what, id, model, state, content }) => {
    if (what === "open") return opened(id, model);
    const known = kubenet.models.get(id);
    if (what === "update") known?.receive(state); else known?.tell("msg:custom", content, []);
  };
  const keep = ({ items = {}, predictions = {} }) => kubenet.book.update((book) => kubenet.book.merged({ items, predictions }, book));

  const order = (wanted) => new Promise((done, failed) => {
    if (!kubenet.canWake()) return failed(new Error(kubenet.why()));
    if (!worker) {
      worker = new Worker(new URL("assets/worker.js", kubenet.here), { type: "module" });
      worker.onmessage = ({ data }) => {
        if (data.progress) return tell(`${data.progress}. This happens once, and takes some seconds.`);
        if (data.letter) return letter(data.letter);
        const asked = waiting.get(data.number);
        waiting.delete(data.number);
        if (!waiting.size) tell("");
        if (data.broken) { broken = data.broken; asked?.failed(new Error(broken)); end(broken); } else asked?.done(data.answer);
      };
      worker.onerror = (event) => { broken = event.message || "its worker does not start"; end(broken); };
    }
    const number = ++count;
    waiting.set(number, { done, failed });
    worker.postMessage({ number, order: wanted });
  });

  kubenet.judged = async (id, variant, answer) => {
    const made = await order({ do: "judge", id, variant, answer }).catch(() => null);
    return made?.failed ? null : made;
  };
  kubenet.question = async (id, number) => {
    const made = await order({ do: "question", id, number }).catch(() => null);
    return made?.failed ? null : made;
  };

  const source = (cell) => cell.querySelector("textarea")?.value ?? cell.querySelector(".code pre").textContent;
  const note = (cell, text) => {
    cell.querySelector(".note")?.remove();
    if (text) cell.append(element("p", { class: "note said", role: "status" }, text));
  };

  const runOne = async (cell) => {
    const name = `cell ${cell.dataset.cell}`;
    tell(`Python runs ${name} of ${cells.length}.`);
    const answer = await order({ do: "run", source: source(cell), name, book: await kubenet.book.read() });
    if (answer.book) await keep(answer.book);
    ran.add(cell);
    tell("");
    return answer;
  };

  // Runs a cell, and before it those above that have not run yet. Shows what the cell puts out; returns false where it could not.
  kubenet.run = async (cell) => {
    note(cell, "");
    try {
      for (const above of cells.slice(0, cells.indexOf(cell))) {
        if (!ran.has(above) && !above.matches(FREE.map((kind) => `[data-asks^="${kind}"]:not([data-makes])`).join())) await runOne(above);
      }
      const answer = await runOne(cell);
      if (answer.error && answer.absent) {
        note(cell, "This cell needs sockets, processes or files of a real machine, which a browser does not have. What stands here was recorded on one.");
        return false;
      }
      await show(cell, answer);
      return !answer.error;
    } catch (error) {
      note(cell, `This was not run: ${kubenet.why() || error.message}`);
      return false;
    }
  };

  const show = async (cell, answer) => {
    const before = cell.querySelector(":scope > .outs");
    cell.saved ??= before;
    const fresh = element("div", { class: "outs" });
    if (answer.error) fresh.append(element("pre", { class: "kn-plain" }, answer.error));
    for (const { html, model } of answer.outputs) {
      const out = element("div", model ? { class: "out", "data-model": model } : { class: "out" }), still = element("div", { class: "still" });
      still.innerHTML = html; // what the cell put out, escaped by Python
      out.append(still);
      fresh.append(out);
    }
    before.replaceWith(fresh);
    for (const out of fresh.querySelectorAll(".out[data-model]")) await kubenet.wake(out, out.dataset.model);
    cell.querySelector(".back").hidden = false;
  };

  const back = (cell) => {
    if (cell.saved) cell.querySelector(":scope > .outs").replaceWith(cell.saved);
    cell.saved = undefined;
    const code = cell.querySelector(".code"), text = code.querySelector("textarea");
    if (text) { text.remove(); code.querySelector("pre").hidden = false; }
    ran.delete(cell);
    note(cell, "");
    cell.querySelector(".back").hidden = true;
  };

  const edit = (cell) => {
    const pre = cell.querySelector(".code pre");
    if (cell.querySelector("textarea")) return;
    const text = element("textarea", { rows: String(pre.textContent.split("\n").length + 1), spellcheck: "false", "aria-label": `Code of cell ${cell.dataset.cell}` });
    text.value = pre.textContent;
    text.onkeydown = (event) => { if (event.key === "Enter" && (event.shiftKey || event.ctrlKey)) { event.preventDefault(); kubenet.run(cell); } };
    pre.hidden = true;
    pre.after(text);
    cell.querySelector(".back").hidden = false;
    text.focus();
  };

  // The way from an output's model down to one that stands in it, by places among children; null where it is not in it.
  const path = (from, to) => {
    if (from === to) return [];
    for (const [at, child] of (kubenet.models.get(from)?.get("children") ?? []).entries()) {
      const rest = path(child.replace("IPY_MODEL_", ""), to);
      if (rest) return [at, ...rest];
    }
    return null;
  };
  const follow = (id, way) => way.reduce((at, place) => kubenet.models.get(at).get("children")[place].replace("IPY_MODEL_", ""), id);

  // Where the learner was: which of an output's controls of its kind. The same one is chosen in the living widget, once it takes keys.
  const focused = (out) => {
    const { tagName } = document.activeElement;
    return [tagName, [...out.querySelectorAll(tagName)].indexOf(document.activeElement)];
  };
  const refocus = (out, [tagName, at], tries = 30) => {
    const control = out.querySelectorAll(tagName)[at];
    if (control && !control.disabled) control.focus(); else if (tries && at >= 0) setTimeout(() => refocus(out, [tagName, at], tries - 1), 100);
  };

  // A saved widget wants something from Python: its cell runs, and the living widget in its place gets the same wish.
  kubenet.needs = async (model, { content, changes }) => {
    const isGreeting = content?.do === "hello", isWish = content || !kubenet.widgets[model.kind] || (changes && "wishes" in changes);
    if (isGreeting) return kubenet.canWake() ? model.receive({ live: true, heard: (model.get("heard") ?? 0) + 1 }) : noted(model);
    if (!isWish) return undefined;
    for (const out of document.querySelectorAll(".out[data-model]")) {
      const way = path(out.dataset.model, model.id);
      if (!way) continue;
      const cell = out.closest(".cell"), at = [...cell.querySelectorAll(".out")].indexOf(out), focus = focused(out);
      cell.wish = () => {
        const now = cell.querySelectorAll(".out")[at], living = kubenet.models.get(follow(now.dataset.model, way));
        if (content) living.send(content); else { for (const [name, value] of Object.entries(changes)) living.set(name, value); living.save_changes(); }
        refocus(now, focus);
      };
      model.receive({ heard: (model.get("heard") ?? 0) + 1 });
      if (cell.isBusy) return undefined;
      cell.isBusy = true;
      if (await kubenet.run(cell)) cell.wish();
      cell.isBusy = false;
    }
    return undefined;
  };
  const noted = (model) => {
    for (const out of document.querySelectorAll(".out[data-model]")) {
      if (path(out.dataset.model, model.id)) note(out.closest(".cell"), `To type here, Python must run. ${kubenet.why()}`);
    }
  };

  kubenet.begin = () => {
    for (const cell of cells) {
      const tools = cell.querySelector(".tools"), is = (kind) => cell.dataset.asks?.startsWith(kind);
      const button = (text, does, kind = "") => { const made = element("button", { type: "button", class: kind }, text); made.onclick = () => does(cell); return made; };
      const again = button("As it was", back, "back");
      again.hidden = true;
      if (FREE.some(is)) { tools.append(again); continue; }
      if (kubenet.canWake()) tools.prepend(button("Run", kubenet.run), button("Edit", edit));
      tools.append(again);
    }
  };
}
