// Draws the widgets of a page. Each was saved with all that it shows: a widget's own script gets that as a model, as anywidget
// promises (https://anywidget.dev/en/afm/): get, set, on, off, save_changes, send. Nothing else of a notebook is needed.

kubenet.page = JSON.parse(document.getElementById("page").textContent);
kubenet.models = new Map();

class Model {
  constructor(id, { kind, state }) {
    Object.assign(this, { id, kind, state, heard: new Map(), changed: {} });
  }

  get(name) { return this.state[name]; }

  set(name, value) {
    this.state[name] = value;
    this.changed[name] = value;
    this.tell(`change:${name}`, value);
    this.tell("change");
  }

  on(event, callback) { this.heard.set(event, [...(this.heard.get(event) ?? []), callback]); }

  off(event, callback) {
    if (!event) return this.heard.clear();
    this.heard.set(event, callback ? (this.heard.get(event) ?? []).filter((one) => one !== callback) : []);
  }

  tell(event, ...values) { for (const callback of [...(this.heard.get(event) ?? [])]) callback(...values); }

  // What a widget saves is for Python. A page that sleeps has none: then `kubenet.asked` decides whether somebody has to wake up.
  save_changes() {
    const changes = this.changed;
    this.changed = {};
    if (!Object.keys(changes).length) return;
    if (this.comm) this.comm.update(changes); else kubenet.asked(this, { changes });
  }

  send(content, callbacks, buffers) {
    if (this.comm) this.comm.custom(content, buffers); else kubenet.asked(this, { content });
  }

  // From Python: state that must not be sent back.
  receive(state) {
    for (const [name, value] of Object.entries(state)) { this.state[name] = value; }
    for (const [name, value] of Object.entries(state)) this.tell(`change:${name}`, value);
    this.tell("change");
  }
}
kubenet.Model = Model;

// Draws the model of an id into an element. What fails to draw leaves the still picture or the words that stand there.
kubenet.draw = async (id, el) => {
  const model = kubenet.models.get(id);
  if (!model) return false;
  const draws = kubenet.controls[model.kind] ?? kubenet.widgets[model.kind]?.render;
  if (!draws) return false;
  try {
    const initialize = kubenet.widgets[model.kind]?.initialize;
    if (initialize && !model.isInitialized) { model.isInitialized = true; await initialize({ model }); }
    await draws({ model, el, draw: kubenet.draw });
    return true;
  } catch (error) {
    console.error(`the widget ${model.kind} does not draw`, error);
    return false;
  }
};

kubenet.add = (models) => {
  for (const [id, saved] of Object.entries(models)) kubenet.models.set(id, new Model(id, saved));
};

// Draws an output's widget in the place of its still picture.
kubenet.wake = async (out, id) => {
  const place = document.createElement("div");
  place.className = "live";
  out.append(place);
  const isDrawn = await kubenet.draw(id, place);
  out.classList.toggle("alive", isDrawn);
  out.classList.toggle("failed", !isDrawn); // then the still picture, or the words, stand there again
  if (!isDrawn) place.remove();
};

kubenet.add(kubenet.page.models);
for (const out of document.querySelectorAll(".out[data-model]")) kubenet.wake(out, out.dataset.model);

// Code can be copied; what scrolls can be reached by keys.
for (const code of document.querySelectorAll(".code")) {
  const tools = document.createElement("div"), copy = document.createElement("button");
  tools.className = "tools";
  copy.type = "button";
  copy.textContent = "Copy";
  copy.onclick = async () => {
    try { await navigator.clipboard.writeText(code.querySelector("textarea")?.value ?? code.querySelector("pre").textContent); copy.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(code.querySelector("pre")); copy.textContent = "Marked: copy with Ctrl+C"; }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  };
  tools.append(copy);
  code.append(tools);
}

// For those who listen and those who have no mouse: what scrolls can be reached, an empty head of a table is none, and two parts of a
// page that bear the same name are told apart by a number.
kubenet.tidy = () => {
  const main = document.getElementById("main"), names = new Map();
  for (const one of main.querySelectorAll("div, pre, section, table")) {
    const isWider = one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0;
    if (isWider && !one.hasAttribute("tabindex") && ["auto", "scroll"].includes(getComputedStyle(one).overflowX)) one.tabIndex = 0;
  }
  for (const head of main.querySelectorAll("th:empty:not([role])")) head.setAttribute("role", "presentation");
  for (const part of main.querySelectorAll("section[aria-label], [role=region][aria-label]")) {
    const name = part.getAttribute("aria-label").replace(/, number \d+$/, ""), count = (names.get(name) ?? 0) + 1;
    names.set(name, count);
    const wanted = count > 1 ? `${name}, number ${count}` : name;
    if (part.getAttribute("aria-label") !== wanted) part.setAttribute("aria-label", wanted);
  }
};
let waits;
const tidySoon = () => { clearTimeout(waits); waits = setTimeout(kubenet.tidy, 250); };
new MutationObserver(tidySoon).observe(document.getElementById("main"), { childList: true, subtree: true });
addEventListener("resize", tidySoon);
document.addEventListener("toggle", tidySoon, true);
tidySoon();
kubenet.begin?.();
