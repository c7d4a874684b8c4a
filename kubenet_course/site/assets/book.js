// What a learner has answered, kept in this browser: the same values, changed by the same rules, as learn/record/book.py keeps on a
// machine, and the same file. What a file says is checked field by field; none of it is ever taken for a page or a program.
{
  const FORMAT = 1, MOST = 16 << 20, DATABASE = "kubenet-course", GAPS = [1, 2, 4];
  const EMPTY = () => ({ items: {}, predictions: {} });
  const ITEM = { tries: 0, missed: 0, solved: false, hints: 0, beliefs: [], recalled: [], variant: 0, answer: null, own_words: "" };
  const KEPT = { said: "", revealed: false, right: false, belief: 0 };
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const sorted = (...lists) => [...new Set(lists.flat())].sort((one, other) => (one < other ? -1 : 1));

  let memory = EMPTY(), notice = "", database;
  const opened = () => database ??= new Promise((done, failed) => {
    const asks = indexedDB.open(DATABASE, 1);
    asks.onupgradeneeded = () => asks.result.createObjectStore("kept");
    asks.onsuccess = () => done(asks.result);
    asks.onerror = () => failed(asks.error);
  });

  // Reads the book, changes it and puts it back in one transaction, so that two pages that are open at once add up.
  const update = async (change) => {
    try {
      const base = await opened();
      return await new Promise((done, failed) => {
        const work = base.transaction("kept", "readwrite"), kept = work.objectStore("kept"), asks = kept.get("book");
        let book;
        asks.onsuccess = () => { book = change(asks.result ?? EMPTY()); kept.put(book, "book"); };
        work.oncomplete = () => done(book);
        work.onerror = work.onabort = () => failed(work.error);
      });
    } catch (error) {
      notice = "Nothing is saved: this browser keeps no data for this page. It is remembered until you leave the page.";
      memory = change(memory);
      return memory;
    }
  };

  const item = (book, id) => ({ ...ITEM, ...book.items[id] });
  const withItem = (book, id, changed) => ({ ...book, items: { ...book.items, [id]: { ...item(book, id), ...changed } } });

  const answered = (book, id, right, answer, variant, beliefs = [], chapter = "") => {
    const old = item(book, id);
    if (old.tries && same([old.answer, old.variant], [answer, variant]) && !(chapter && right)) return book;
    const recalled = right ? sorted(old.recalled, chapter ? [chapter] : []) : chapter ? [] : old.recalled;
    return withItem(book, id, {
      tries: old.tries + 1, missed: old.missed + (right ? 0 : 1), solved: old.solved || right,
      beliefs: sorted(old.beliefs, beliefs), recalled, variant, answer,
    });
  };
  const hinted = (book, id, number) => withItem(book, id, { hints: Math.max(item(book, id).hints, number) });
  const inOwnWords = (book, id, said) => withItem(book, id, { own_words: said });
  const predicted = (book, id, said) => (book.predictions[id]?.revealed ? book
    : { ...book, predictions: { ...book.predictions, [id]: { ...KEPT, said } } });
  const revealed = (book, id, right, belief) => (!book.predictions[id] ? book
    : { ...book, predictions: { ...book.predictions, [id]: { ...book.predictions[id], revealed: true, right, belief } } });

  const mergedItem = (one, other) => {
    const last = one.tries >= other.tries ? one : other;
    return {
      tries: Math.max(one.tries, other.tries), missed: Math.max(one.missed, other.missed), solved: one.solved || other.solved,
      hints: Math.max(one.hints, other.hints), beliefs: sorted(one.beliefs, other.beliefs), recalled: sorted(one.recalled, other.recalled),
      variant: last.variant, answer: last.answer, own_words: one.own_words || other.own_words,
    };
  };
  const merged = (book, other) => {
    const items = { ...book.items }, predictions = { ...other.predictions, ...book.predictions };
    for (const id of Object.keys(other.items)) items[id] = book.items[id] ? mergedItem(item(book, id), item(other, id)) : item(other, id);
    for (const [id, kept] of Object.entries(other.predictions)) {
      if (kept.revealed && !predictions[id].revealed && kept.said === predictions[id].said) predictions[id] = kept;
    }
    return { items, predictions };
  };
  const isMeant = (id, what) => id === what || (/^\d{1,2}$/.test(what) && id.startsWith(`${what.padStart(2, "0")}-`));
  const without = (book, what) => ({
    items: Object.fromEntries(Object.entries(book.items).filter(([id]) => !isMeant(id, what))),
    predictions: Object.fromEntries(Object.entries(book.predictions).filter(([id]) => !isMeant(id, what))),
  });

  // What was missed in earlier chapters and comes back in this one: those missed most often first, three at most.
  const due = (book, chapter) => Object.keys(book.items).filter((id) => {
    const { missed, recalled } = item(book, id);
    if (!missed || id.slice(0, 2) >= chapter || recalled.length >= GAPS.length) return false;
    return Number(chapter) >= Number(recalled.at(-1) ?? id.slice(0, 2)) + GAPS[recalled.length];
  }).sort((one, other) => item(book, other).missed - item(book, one).missed || (one < other ? -1 : 1)).slice(0, 3);

  const bare = (value, usual) => Object.fromEntries(Object.keys(usual).filter((name) => name === "said" || !same(value[name], usual[name]))
    .map((name) => [name, value[name]]));
  const all = (values, usual) => Object.fromEntries(Object.entries(values).map(([id, value]) => [id, bare({ ...usual, ...value }, usual)]));
  const written = (book, name, date, release) => {
    const items = all(book.items, ITEM), predictions = all(book.predictions, KEPT);
    const parts = { ...(Object.keys(items).length && { items }), ...(Object.keys(predictions).length && { predictions }) };
    return `${JSON.stringify({ format: FORMAT, release, name, date, ...parts }, null, 1)}\n`;
  };

  // One field's check: whether the value is of its kind. `answer` may be anything that JSON has: it is only put into fields of forms.
  const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
  const isList = (is) => (value) => Array.isArray(value) && value.every(is);
  const isWord = (value) => typeof value === "string", isSwitch = (value) => typeof value === "boolean";
  const isChapter = (value) => isWord(value) && /^\d\d$/.test(value);
  const FIELDS = {
    tries: isCount, missed: isCount, solved: isSwitch, hints: isCount, beliefs: isList(Number.isSafeInteger), recalled: isList(isChapter),
    variant: Number.isSafeInteger, answer: () => true, own_words: isWord, said: isWord, revealed: isSwitch, right: isSwitch, belief: Number.isSafeInteger,
  };
  const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const refuse = (why) => { throw new Error(`This is no progress file: ${why}. Give what “kubenet progress export” or this page wrote.`); };

  const checked = (told, usual, what) => {
    if (!isTable(told)) refuse(`${what} is no table`);
    return Object.fromEntries(Object.entries(told).map(([id, value]) => {
      if (!/^\d\d-./u.test(id)) refuse(`${what} has a name that is no exercise's`);
      if (!isTable(value)) refuse(`${id} is no table`);
      const known = Object.keys(usual).filter((name) => Object.hasOwn(value, name));
      for (const name of known) if (!FIELDS[name](value[name])) refuse(`${id} has a wrong ${name}`);
      if ("said" in usual && !Object.hasOwn(value, "said")) refuse(`${id} does not say what was predicted`);
      return [id, { ...usual, ...Object.fromEntries(known.map((name) => [name, value[name]])) }];
    }));
  };

  // The book in a file's text, and whose it is. Throws an Error with one sentence for anything else.
  const read = (text) => {
    if (text.length > MOST) refuse("it is too large");
    let told;
    try { told = JSON.parse(text); } catch { refuse("it is not JSON"); }
    if (!isTable(told) || !isCount(told.format)) refuse("it does not say which format it has");
    if (told.format > FORMAT) throw new Error(`A later release of the course wrote this file (format ${told.format}). Use a newer copy of this site.`);
    const head = Object.fromEntries(["name", "date", "release"].map((name) => [name, Object.hasOwn(told, name) ? told[name] : ""]));
    if (!Object.values(head).every(isWord)) refuse("its name, date or release is no text");
    const part = (name, usual) => (Object.hasOwn(told, name) ? checked(told[name], usual, name) : {});
    return { head, book: { items: part("items", ITEM), predictions: part("predictions", KEPT) } };
  };

  kubenet.book = {
    update, read: () => update((book) => book), notice: () => notice, item, answered, hinted, inOwnWords, predicted, revealed, merged, without, due,
    written, fromFile: read, isMeant,
  };
}
