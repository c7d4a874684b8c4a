// Runs the code cells of chapters as a page of the site does: the site's own files, and its worker's own Python.
// node cells.mjs '{"python": "SITE/python", "chapters": {"00-start-here": ["source of a cell", ...], ...}}'
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

process.on("uncaughtException", (error) => {
  process.stderr.write(`${error.name}: ${String(error.message).slice(-1500)}\n`, () => process.exit(1));
});
const order = JSON.parse(readFileSync(process.argv[2], "utf-8"));
const began = performance.now();
const python = await loadPyodide({ stdout: () => {}, stderr: () => {} });
for (const name of ["course.zip", "msgspec.zip"]) {
  python.unpackArchive(new Uint8Array(readFileSync(`${order.python}/${name}`)), "zip", { extractDir: "/course" });
}
python.runPython('import os, sys; sys.path.insert(0, "/course"); os.chdir("/course/notebooks")');
const { Living } = python.pyimport("kubenet_course.site.living");
const awake = performance.now() - began, said = {};
for (const [chapter, cells] of Object.entries(order.chapters)) {
  const living = Living(() => {});
  const from = performance.now();
  said[chapter] = { cells: [] };
  for (const [at, source] of cells.entries()) {
    said[chapter].cells.push(JSON.parse(living.order(JSON.stringify({ do: "run", source, name: `<cell ${at + 1}>`, book: {} }))));
  }
  said[chapter].seconds = (performance.now() - from) / 1000;
}
// What a cell left open, such as half a server, does not keep us here.
process.stdout.write(JSON.stringify({ awake: awake / 1000, said }), () => process.exit(0));
