// The controls of ipywidgets that chapters use, drawn plainly. Each gets a model, an element, and what draws the models inside it.
{
  const made = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  let count = 0;

  // A label and a control; `show` brings the model's state into the control.
  const labelled = ({ model, el }, control, show) => {
    const id = (control.id = `control-${++count}`);
    el.append(made("span", { class: "control" }, made("label", { for: id }, model.get("description") ?? ""), control));
    const all = () => { control.disabled = Boolean(model.get("disabled")); show(); };
    all();
    model.on("change", all);
  };
  const tell = (model, changes) => { for (const [name, value] of Object.entries(changes)) model.set(name, value); model.save_changes(); };

  const box = (direction) => ({ model, el, draw }) => {
    const root = made("div", { class: direction });
    el.append(root);
    const show = () => {
      root.replaceChildren();
      for (const child of model.get("children") ?? []) {
        const place = made("div");
        root.append(place);
        draw(child.replace("IPY_MODEL_", ""), place);
      }
    };
    show();
    model.on("change:children", show);
  };

  const dropdown = ({ model, el }) => {
    const select = made("select");
    select.onchange = () => tell(model, { index: select.selectedIndex });
    labelled({ model, el }, select, () => {
      const labels = model.get("_options_labels") ?? [];
      if ([...select.options].map((one) => one.text).join("\n") !== labels.join("\n")) {
        select.replaceChildren(...labels.map((text) => made("option", {}, text)));
      }
      select.selectedIndex = model.get("index") ?? -1;
    });
  };

  const slider = (step) => ({ model, el }) => {
    const input = made("input", { type: "range" }), value = made("output");
    for (const name of ["min", "max", "step"]) input.setAttribute(name, model.get(name) ?? step);
    input.oninput = () => { value.textContent = input.value; };
    input.onchange = () => tell(model, { value: Number(input.value) });
    labelled({ model, el }, input, () => {
      for (const name of ["min", "max"]) input.setAttribute(name, model.get(name));
      input.value = model.get("value"); value.textContent = model.get("value");
    });
    el.firstChild.append(value);
  };

  const checkbox = ({ model, el }) => {
    const input = made("input", { type: "checkbox" });
    input.onchange = () => tell(model, { value: input.checked });
    labelled({ model, el }, input, () => { input.checked = model.get("value"); });
  };

  const text = (type, read) => ({ model, el }) => {
    const input = made("input", { type, autocomplete: "off", spellcheck: "false" });
    input.onchange = () => tell(model, { value: read(input.value) });
    labelled({ model, el }, input, () => { input.value = model.get("value"); });
  };

  const buttons = ({ model, el }) => {
    const group = made("span", { class: "control", role: "group", "aria-label": model.get("description") || "Choose one" }, model.get("description") ?? "");
    el.append(group);
    const all = (model.get("_options_labels") ?? []).map((label, index) => {
      const button = made("button", { type: "button" }, label);
      button.onclick = () => tell(model, { index });
      group.append(button);
      return button;
    });
    const show = () => all.forEach((button, index) => button.setAttribute("aria-pressed", String(model.get("index") === index)));
    show();
    model.on("change", show);
  };

  const button = ({ model, el }) => {
    const root = made("button", { type: "button" });
    root.onclick = () => model.send({ event: "click" });
    el.append(root);
    const show = () => { root.textContent = model.get("description"); root.disabled = Boolean(model.get("disabled")); };
    show();
    model.on("change", show);
  };

  const rich = ({ model, el }) => {
    const root = made("div", { class: "kn-html" });
    el.append(root);
    const show = () => { root.innerHTML = model.get("value"); }; // as the chapter wrote it
    show();
    model.on("change:value", show);
  };

  const label = ({ model, el }) => {
    const show = () => { el.textContent = model.get("value"); };
    show();
    model.on("change:value", show);
  };

  Object.assign(kubenet.controls, {
    VBox: box("box-v"), Box: box("box-h"), HBox: box("box-h"), GridBox: box("box-h"),
    Dropdown: dropdown, Select: dropdown, RadioButtons: buttons, ToggleButtons: buttons, SelectionSlider: dropdown,
    IntSlider: slider(1), FloatSlider: slider(0.1), Checkbox: checkbox, ToggleButton: checkbox,
    Text: text("text", String), IntText: text("number", Number), BoundedIntText: text("number", Number),
    Button: button, HTML: rich, Label: label,
  });
}
