// Runs the page's own book of progress (assets/book.js) outside a browser, where it keeps everything in memory.
// node book.mjs FILE, which holds {"script": path, "does": [[name, ...arguments], ...]}; `$N` stands for the answer to line N.
import { readFileSync } from "node:fs";

const order = JSON.parse(readFileSync(process.argv[2], "utf-8"));
const kubenet = {};
new Function("kubenet", readFileSync(order.script, "utf-8"))(kubenet);
const answers = [];
for (const [name, ...given] of order.does) {
  const wanted = given.map((one) => (typeof one === "string" && /^\$\d+$/.test(one) ? answers[Number(one.slice(1))] : one));
  try { answers.push(kubenet.book[name](...wanted)); } catch (error) { answers.push({ refused: error.message }); }
}
process.stdout.write(JSON.stringify(answers));
