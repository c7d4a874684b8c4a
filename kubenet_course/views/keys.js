// Keys that are typed in a widget are the widget's own. JupyterLab and Notebook 7 have commands on bare keys ("x" cuts the cell,
// Enter and the arrows move between cells). Escape, which leads out, and what is pressed with Ctrl or Cmd, such as saving, pass on.
function keepKeys(root) {
  const isTheirs = (event) => event.key === "Escape" || ((event.ctrlKey || event.metaKey) && event.key !== "Enter");
  root.dataset.knKeys = "";
  for (const kind of ["keydown", "keypress", "keyup"]) {
    root.addEventListener(kind, (event) => { if (!isTheirs(event)) event.stopPropagation(); });
  }
  if (window.kubenetKeepsKeys) return;
  window.kubenetKeepsKeys = true;
  // Notebook 7 hears keys on their way down, before any widget. It looks for this mark, on the very control, at each key.
  window.addEventListener("keydown", (event) => {
    const control = event.target;
    if (control.closest?.("[data-kn-keys]")) control.toggleAttribute("data-lm-suppress-shortcuts", !isTheirs(event));
  }, true);
}
