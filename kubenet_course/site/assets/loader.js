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
for (const one of document.querySelectorAll("pre, .kn-scrolls, .kn-html, .kn-html > div")) {
  if (one.scrollWidth > one.clientWidth && !one.hasAttribute("tabindex")) one.tabIndex = 0;
}
kubenet.begin?.();
