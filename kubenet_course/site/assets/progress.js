// The page of all exercises: which are solved, and the file that takes progress to a notebook or to another machine.
{
  const page = JSON.parse(document.getElementById("page").textContent);
  const told = document.getElementById("progress-said"), form = (id) => document.getElementById(id);
  const say = (text) => { told.textContent = text; };

  const show = async () => {
    const book = await kubenet.book.read(), asked = page.asked;
    for (const place of document.querySelectorAll("[data-exercise]")) {
      const { tries, solved } = kubenet.book.item(book, place.dataset.exercise);
      place.textContent = solved ? "✓ solved" : tries ? "✗ not solved yet" : "";
    }
    const solved = asked.filter((id) => kubenet.book.item(book, id).solved).length, seen = Object.values(book.predictions).filter((one) => one.revealed);
    return `You have solved ${solved} of ${asked.length} exercises. ${seen.filter((one) => one.right).length} of ${seen.length} predictions came true. ${kubenet.book.notice()}`;
  };

  form("export").onsubmit = async (event) => {
    event.preventDefault();
    const now = new Date(), two = (number) => String(number).padStart(2, "0");
    const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`, name = form("whose").value.trim().replace(/\s+/g, " ");
    const text = kubenet.book.written(await kubenet.book.read(), name, day, page.release);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "my-progress.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("Your progress is in the file my-progress.json.");
  };

  form("import").onsubmit = async (event) => {
    event.preventDefault();
    const file = form("file").files[0];
    if (!file) return say("Choose a file first.");
    if (file.size > 16 << 20) return say("This is no progress file: it is too large.");
    try {
      const { head, book } = kubenet.book.fromFile(await file.text());
      if (head.name && !form("mine").checked) return say(`This is the progress of ${head.name}, and yours stays as it is. If that is you, say so beside the file.`);
      await kubenet.book.update((own) => kubenet.book.merged(own, book));
      say(`The file has been added. ${await show()}`);
    } catch (error) { say(error.message); }
  };

  form("forget").onsubmit = async (event) => {
    event.preventDefault();
    const what = form("what").value.trim();
    let were = [];
    await kubenet.book.update((book) => {
      were = [...new Set([...Object.keys(book.items), ...Object.keys(book.predictions)])].filter((id) => kubenet.book.isMeant(id, what)).sort();
      return kubenet.book.without(book, what);
    });
    const now = await show();
    say(`${were.length ? `Forgotten: ${were.join(", ")}.` : `Nothing was kept of ${what || "that"}.`} ${now}`);
  };

  show().then(say);
}
