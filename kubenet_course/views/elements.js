// What every widget's script makes its page of; `script` puts it before each.

// An element with its attributes, but for those that are undefined, and with what stands in it: elements and plain text.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// The same with HTML in it, which the kernel has escaped.
function rich(tag, attributes, html) {
  const made = element(tag, attributes);
  made.innerHTML = html;
  return made;
}

// Sets one of a model's wishes, shows it at once by `fill`, and tells the kernel `wait` milliseconds later: of several changes the
// last. With `settles` each change begins the wait anew, so that nothing half typed is sent.
function wishing(model, fill, wait, settles = false) {
  let timer = null;
  const send = () => { timer = null; model.save_changes(); };
  const set = (name, value) => {
    if (model.get("wishes")[name] === value) return;
    model.set("wishes", { ...model.get("wishes"), [name]: value });
    fill();
    if (settles) clearTimeout(timer);
    if (settles || timer === null) timer = setTimeout(send, wait);
  };
  return { set, stop: () => clearTimeout(timer) };
}
