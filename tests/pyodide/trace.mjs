// Imports modules of the course under pyodide and runs `kubenet` there; prints what it saw as one JSON object.
// node trace.mjs '{"root": ..., "site": ..., "wheel": ..., "modules": [...], "commands": [[...], ...]}'
import { loadPyodide } from "pyodide";

process.on("uncaughtException", (error) => {
  process.stderr.write(`${error.name}: ${String(error.message).slice(-1500)}\n`, () => process.exit(1));
});
const order = JSON.parse(process.argv[2]);
const python = await loadPyodide({ stdout: () => {}, stderr: () => {} });
for (const name of ["root", "site"]) {
  python.FS.mkdirTree(`/${name}`);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: order[name] }, `/${name}`);
}
const { readFileSync } = await import("node:fs");
python.unpackArchive(new Uint8Array(readFileSync(order.wheel)), "wheel", { extractDir: "/wheel" });
python.globals.set("order", JSON.stringify(order));
const said = await python.runPythonAsync(`
import contextlib, importlib, io, json, os, sys, traceback

sys.path[:0] = ["/wheel", "/root"]
sys.path.append("/site")
os.environ["KUBENET_HOME"] = ":memory:"
order, broken, answers = json.loads(order), {}, []
for name in order["modules"]:
    try:
        importlib.import_module(name)
    except BaseException:
        broken[name] = traceback.format_exc().strip().splitlines()[-4:]
for words in order["commands"]:
    from kubenet_course.cli import _ran
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = _ran(words)
        except BaseException:
            code = traceback.format_exc()
    answers.append([code, out.getvalue(), err.getvalue()])
absent = [name for name in ("matplotlib", "_yaml", "fcntl", "termios") if name in sys.modules]
json.dumps({"broken": broken, "answers": answers, "python": sys.version.split()[0], "loaded": absent})
`);
process.stdout.write(said);
