// A map that stands by itself; `drawMap` stands in drawn.js, which comes before this.

function render({ model, el }) {
  const root = document.createElement("section");
  root.className = "kn kn-map";
  keepKeys(root);
  el.append(root);
  const draw = () => drawMap(root, model.get("map"), model.get("title"));
  draw();
  model.on("change:map", draw);
  model.on("change:title", draw);
  return () => { model.off("change:map", draw); model.off("change:title", draw); };
}

export default { render };
