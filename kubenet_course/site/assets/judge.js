// Questions on a page: what learn/page/widgets.py and predicting.py do in a notebook. What is said of an answer was worked out when
// the site was built, and stands in answers/; where there are too many answers for that, the models are asked (awake.js).
{
  const SIGNS = { unanswered: "○", unreadable: "?", other: "✎", wrong: "✗", right: "✓" };
  const HEADS = { unanswered: "not answered yet", unreadable: "not read", other: "kept in your own words", wrong: "not yet", right: "right" };
  const HINTS = 3, ATTEMPTS = 3, VARIANTS = 4;
  const SILENT = { state: "", head: "", html: "", parts: {}, hints: "", hint: "", full: "", next: "", done: false };
  const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const said = (text) => `<p>${escaped(text)}</p>`;
  const head = (state) => `${SIGNS[state]} ${HEADS[state]}`;
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  const packs = new Map(), opened = new Map();
  kubenet.told = (id, pack) => packs.set(id, pack);
  const unpacked = async (pack) => {
    const bytes = Uint8Array.from(atob(pack), (sign) => sign.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).json();
  };
  // What the build knows of a question; nothing in the class edition.
  const known = (id) => {
    if (!kubenet.page.answers) return null;
    if (!opened.has(id)) opened.set(id, kubenet.script(`answers/${id}.js`).then(() => unpacked(packs.get(id))).catch(() => null));
    return opened.get(id);
  };

  const answer = (model, state) => model.receive({ live: true, heard: (model.get("heard") ?? 0) + 1, ...state });

  class Exercises {
    constructor(model, waiting, chapter = "") {
      Object.assign(this, { model, waiting, chapter });
      this.begun = this.take(!chapter);
    }

    async take(isFirst = false) {
      [this.id, this.variant] = this.waiting.shift();
      Object.assign(this, { hints: 0, misses: 0, last: null });
      this.question = (await known(this.id))?.variants[this.variant] ?? null;
      if (!isFirst) await this.load();
      const left = this.waiting.length ? ` (and ${this.waiting.length} more)` : "";
      const before = isFirst ? kubenet.book.item(await kubenet.book.read(), this.id) : { tries: 0 };
      const isSame = before.tries > 0 && before.variant === this.variant;
      const form = this.question ? { ...this.question.form, heading: `${this.chapter ? "Again: " : ""}${this.question.form.heading}${left}` } : this.model.get("form");
      const now = isSame ? this.prepared(before.answer) : null;
      if (now?.state === "wrong") this.last = [before.answer, now];
      answer(this.model, { draft: isSame ? before.answer : null, ...(same(form, this.model.get("form")) ? {} : { form }) });
      this.say(now ?? { state: "unanswered", html: "", parts: {} });
      if (before.solved && now?.state !== "right") this.reply({ head: "solved before" });
      if (isSame && !now) this.reply({ html: said("What you wrote last stands here. Press Check to have it judged again.") });
    }

    // What the build did not work out, the models know: further variants, and all of the class edition.
    async load() { this.question ??= (await kubenet.question(this.id, this.variant)) ?? null; }

    reply(changes) { answer(this.model, { reply: { ...this.model.get("reply"), ...changes } }); }

    say(made, inFull = false) {
      const isOver = made.state === "right", before = this.model.get("reply");
      const ahead = this.waiting.length ? "Next question" : this.chapter ? "" : "Another one like it";
      const isMissed = ["wrong", "other"].includes(made.state);
      this.reply({
        ...SILENT, state: made.state, head: head(made.state), html: (inFull && made.full) || made.html, parts: made.parts,
        hints: this.hints ? before.hints : "", hint: isOver ? "" : this.hints < HINTS ? `Hint ${Math.min(this.hints + 1, HINTS)} of ${HINTS}` : "",
        full: isMissed && !inFull ? "Show me the answer and why" : "", next: isOver || made.state === "wrong" ? ahead : "", done: isOver,
      });
    }

    // What the build worked out for an answer; undefined where it did not, null where there is nothing to judge.
    prepared(given) {
      const { answers, told, own, first } = this.question ?? {};
      if (given && typeof given === "object" && !Array.isArray(given) && "other" in given && own) {
        const words = String(given.other ?? "").trim();
        if (!words) return { state: "unanswered", html: first, parts: {} };
        const put = (html) => html.replaceAll("@@own words@@", () => escaped(words));
        return { ...own, html: put(own.html), full: put(own.full), words };
      }
      if (given === null || given === "" || (Array.isArray(given) && !given.length)) return { state: "unanswered", html: first ?? "", parts: {} };
      if (!answers) return undefined;
      const place = answers[this.question.form.input === "choices" ? [...given].sort().join() : String(given)];
      return place === undefined ? undefined : told[place];
    }

    async check(given) {
      if (this.last && same(given, this.last[0])) {
        const unchanged = "This is the answer that you gave before, so it does not count again.";
        this.say(this.last[1]);
        return this.reply({ html: said(unchanged) + this.model.get("reply").html });
      }
      let made = this.prepared(given);
      if (made === undefined) {
        this.reply({ html: said("The models look at your answer.") });
        made = await kubenet.judged(this.id, this.variant, given);
      }
      if (!made) return this.unjudged();
      const { id, variant, chapter } = this;
      const isMiss = made.state === "wrong", inFull = this.hints >= HINTS || this.misses + isMiss >= ATTEMPTS;
      if (made.state === "right" || isMiss) {
        await kubenet.book.update((book) => kubenet.book.answered(book, id, !isMiss, given, variant, made.beliefs, chapter));
      } else if (made.state === "other") await kubenet.book.update((book) => kubenet.book.inOwnWords(book, id, made.words ?? ""));
      this.misses += isMiss;
      if (isMiss || made.state === "other") this.last = [given, made];
      if (chapter && isMiss && !this.waiting.some(([one]) => one === id)) this.waiting.push([id, (variant + 1) % VARIANTS]);
      this.say(made, inFull);
      if (kubenet.book.notice()) this.reply({ html: this.model.get("reply").html + said(kubenet.book.notice()) });
    }

    // Where the models cannot run, there is what the build knows: one solution, to compare with.
    unjudged() {
      const offer = this.question?.solution ? `${said("You can compare it with one solution.")}${this.question.solution}` : "";
      this.reply({ state: "unanswered", head: "○ not judged", html: said(`Only the models can judge this answer. ${kubenet.why()}`) + offer });
    }

    async heard({ do: action, answer: given }) {
      await this.begun;
      if (action === "hello") return answer(this.model, {});
      if (action === "check") return this.check(given);
      if (action === "full" && this.last) return this.say(this.last[1], true);
      if (action === "hint") await this.load();
      if (action === "hint" && this.question) {
        this.hints = Math.min(this.hints + 1, HINTS);
        await kubenet.book.update((book) => kubenet.book.hinted(book, this.id, this.hints));
        const label = this.hints < HINTS ? `Hint ${this.hints + 1} of ${HINTS}` : "";
        return this.reply({ hints: this.question.hints.slice(0, this.hints).join(""), hint: label });
      }
      if (action === "next") {
        if (!this.waiting.length) this.waiting.push([this.id, kubenet.canWake() ? this.variant + 1 : (this.variant + 1) % VARIANTS]);
        return this.take();
      }
      return answer(this.model, {});
    }
  }

  class Prediction {
    constructor(model, id) { Object.assign(this, { model, id }); }

    async say(told = "") {
      const kept = (await kubenet.book.read()).predictions[this.id];
      if (!kept) return answer(this.model, { reply: { ...SILENT, state: "unanswered", head: head("unanswered"), html: told && said(told) } });
      const rest = kept.revealed ? "You have seen what happens, so it stays as it is." : "You may change it until you have seen what happens.";
      const html = `<p>Kept: <b>${escaped(kept.said)}</b>. ${rest}</p>${kubenet.book.notice() && said(kubenet.book.notice())}`;
      return answer(this.model, { draft: kept.said, reply: { ...SILENT, state: "other", head: "kept", html, done: kept.revealed } });
    }

    async heard({ do: action, answer: given }) {
      if (action !== "check") return this.say();
      const offered = this.model.get("form").options.map(([choice]) => choice);
      if (!offered.includes(given)) return this.say("Choose one of the answers first.");
      await kubenet.book.update((book) => kubenet.book.predicted(book, this.id, given));
      for (const desk of desks.values()) if (desk instanceof Reveal && desk.id === this.id) await desk.open();
      return this.say();
    }
  }

  class Reveal {
    constructor(model, id, outer, cell) { Object.assign(this, { model, id, outer, cell }); }

    async heard({ do: action }) {
      if (action === "check" || (await kubenet.book.read()).predictions[this.id]) return this.open();
      return answer(this.model, {});
    }

    async open() {
      if (this.isOpen) return answer(this.model, {}); // what is drawn again says hello again
      this.isOpen = true;
      const told = await known(`reveal-${this.id}`);
      if (!told) return kubenet.run ? kubenet.run(this.cell) : answer(this.model, { reply: { ...SILENT, html: said(`Only the models can show this. ${kubenet.why()}`) } });
      const before = (await kubenet.book.read()).predictions[this.id]?.said ?? "";
      const guess = Object.hasOwn(told.said, before) ? before : "";
      const shape = { id: this.id, heading: "What happened", input: "", button: "", helps: false };
      if (guess) await kubenet.book.update((book) => kubenet.book.revealed(book, this.id, guess === told.truth, guess === told.truth ? 0 : told.beliefs[guess]));
      kubenet.add(told.models);
      answer(this.model, { form: { ...shape, asks: told.said[guess] + told.seen } });
      this.outer.receive({ children: [this.outer.get("children")[0], ...told.children] });
      for (const desk of desks.values()) if (desk instanceof Prediction && desk.id === this.id) await desk.say();
    }
  }

  // Which question a model belongs to, by the cell that shows it.
  const desks = new Map();
  const placed = (model) => {
    for (const out of document.querySelectorAll(".cell[data-asks] .out[data-model]")) {
      const outer = kubenet.models.get(out.dataset.model), cell = out.closest(".cell");
      const inner = (outer?.get("children") ?? [])[0]?.replace("IPY_MODEL_", "");
      if (outer === model || inner === model.id) return { outer, cell, asks: cell.dataset.asks.split(" ") };
    }
    return null;
  };
  const desk = async (model) => {
    const place = placed(model);
    if (!place) return null;
    const { outer, cell, asks: [kind, id, variant] } = place;
    if (kind === "predict") return new Prediction(model, id);
    if (kind === "reveal") return new Reveal(model, id, outer, cell);
    if (kind === "exercise") return new Exercises(model, [[id, Number(variant)]]);
    const book = await kubenet.book.read(), of = (id) => kubenet.book.item(book, id);
    if (kind === "practice") {
      const ahead = kubenet.page.exercises.filter((one) => !of(one).solved).map((one) => [one, 0]);
      return new Exercises(model, ahead.length ? ahead : kubenet.page.exercises.map((one) => [one, (of(one).variant + 1) % VARIANTS]));
    }
    const due = kubenet.book.due(book, id).map((one) => [one, (of(one).variant + 1) % VARIANTS]);
    return due.length ? new Exercises(model, due, id) : null;
  };

  kubenet.asked = async (model, { content, changes }) => {
    if (!desks.has(model)) desks.set(model, desk(model).then((found) => { desks.set(model, found); return found; }));
    const found = await desks.get(model);
    if (found && content) return found.heard(content);
    if (!found && !placed(model)) kubenet.needs(model, { content, changes });
  };
}
