// Python in a worker: pyodide from the site's own files, and the course in it. A page sends orders, and is told what came of them.
import { loadPyodide } from "../python/pyodide.mjs";

const here = new URL("../python/", import.meta.url);
const tell = (said) => postMessage({ progress: said });

const start = async () => {
  tell("Python is being loaded");
  const nothing = () => {};
  const loads = loadPyodide({ indexURL: here.href, stdout: nothing, stderr: nothing });
  const archives = await Promise.all(["course.zip", "msgspec.zip"].map(async (name) => {
    const answer = await fetch(new URL(name, here));
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
    return answer.arrayBuffer();
  }));
  const python = await loads;
  tell("The models are being loaded");
  for (const archive of archives) python.unpackArchive(archive, "zip", { extractDir: "/course" });
  python.runPython('import os, sys; sys.path.insert(0, "/course"); os.chdir("/course/notebooks")');
  const { Living } = python.pyimport("kubenet_course.site.living");
  return Living((text) => postMessage({ letter: JSON.parse(text) }));
};

let living, queue = Promise.resolve();
const obey = async ({ number, order }) => {
  try {
    living ??= start();
    const answer = (await living).order(JSON.stringify(order));
    postMessage({ number, answer: JSON.parse(answer) });
  } catch (error) {
    postMessage({ number, broken: String(error.message ?? error).trim().split("\n").at(-1) });
  }
};
onmessage = ({ data }) => { queue = queue.then(() => obey(data)); };
