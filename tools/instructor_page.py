"""The instructor's page, from the masters and the bank, and the minutes in the README's table of chapters.

python -m tools.instructor_page        writes docs/instructor.md, renews README.md
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kubenet_course.learn.bank import Exercise, of_chapter, predictions
from kubenet_course.learn.misconceptions import misconception
from kubenet_course.learn.page.rich import plain
from tools import build

FILE = build.ROOT / "docs" / "instructor.md"
TEXT = (
    build.ROOT / "docs" / "instructor.in.md"
)  # what is written by hand; {day}, {evenings}, {home}, {chapters} are filled in
README = build.ROOT / "README.md"
DAY = ("00", "01", "02", "lunch", "03", "09", "13")
EVENINGS = (("00", "01"), ("02",), ("03",), ("06",), ("09",), ("13",))
HOME = ("04", "05", "08", "10")
BEGINS, LUNCH, BREAK = 9 * 60, 60, 15  # minutes
TALK = 1.2  # in a room, questions and talk take a fifth more than reading alone
VARIANTS = 4  # of each exercise that are looked at for wrong answers
LONG = 230  # characters of a question; more is cut at the end of a sentence
KINDS = {
    "Value": "a value",
    "FillFrame": "hidden fields of a frame",
    "Order": "an order",
    "Choose": "statements",
    "Write": "something to write",
    "Repair": "a repair",
}
TOTAL = re.compile(r"(?:^Time: (?:about )?|takes about )(\d+) minutes", re.MULTILINE)
TWICE_TEN = "ten minutes for the tour and its two exercises, as long again for the rest"
LISTED = re.compile(r"^\| ([^|]+?) \| (\d+)[^|]* \|$", re.MULTILINE)
IN_HEADING = re.compile(r" \((\d+) minutes\)$")
BELOW = re.compile(r"^\*(\d+) minutes\.\*", re.MULTILINE)
CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)
UNTIMED = ("On your own cluster", "Recap", "If you want more", "What you have done")


def parts(master: Path) -> list[tuple[str, str]]:
    """The text before the first section, under an empty name, and each section's heading with its text."""
    found = re.split(r"^## (.+)$", master.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [("", found[0]), *zip(found[1::2], found[2::2], strict=True)]


def title(master: Path) -> str:
    """The chapter's title."""
    found = re.search(r"^# (.+)$", parts(master)[0][1], re.MULTILINE)
    assert found, master
    return found[1]


def sections(master: Path) -> list[tuple[str, int]]:
    """Sections with their minutes: as the chapter says them; where it says only its own, they are shared out by `weight`."""
    (_, head), *rest = parts(master)
    if listed := [(name, int(number)) for name, number in LISTED.findall(head)]:
        return listed
    said = [(IN_HEADING.sub("", name), IN_HEADING.search(name) or BELOW.search(text)) for name, text in rest]
    if any(number for _, number in said):
        return [(name, int(number[1])) for name, number in said if number]
    timed = [(name, weight(text)) for name, text in rest if name not in UNTIMED]
    whole = sum(heavy for _, heavy in timed)
    return [(name, max(1, round(minutes(master) * heavy / whole))) for name, heavy in timed]


def weight(text: str) -> float:
    """How long a section takes, up to a factor: its words are read, its cells run and looked at, its questions answered."""
    cells = CELL.findall(text)
    asked = sum(cell.count("\nexercise(") for cell in cells)
    guessed = sum(cell.count("\npredict(") for cell in cells)
    return len(CELL.sub("", text).split()) / 150 + 0.3 * len(cells) + 3 * asked + guessed


def minutes(master: Path) -> int:
    """How long a chapter takes: what its head says, or the sum of its sections."""
    head = parts(master)[0][1]
    if found := TOTAL.search(head):
        return int(found[1])
    if " ".join(head.split()).find(TWICE_TEN) >= 0:
        return 20
    return sum(number for _, number in sections(master))


def of_number() -> dict[str, Path]:
    """The masters that there are, by their chapter's number."""
    return {master.stem[:2]: master for master in build.masters()}


def day() -> str:
    """A day from nine o'clock, with a pause after each chapter."""
    written, now, rows = of_number(), BEGINS, ["| from | to | |", "|---|---|---|"]
    for name in DAY:
        if name == "lunch":
            rows.append(f"| {clock(now)} | {clock(now + LUNCH)} | lunch |")
            now += LUNCH
        elif name in written:
            end = now + 5 * -int(-minutes(written[name]) * TALK // 5)
            rows.append(f"| {clock(now)} | {clock(end)} | chapter {name}, {title(written[name])} |")
            now = end + (BREAK if DAY[DAY.index(name) + 1 : DAY.index(name) + 2] != ("lunch",) else 0)
    return "\n".join(rows)


def clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


def evenings() -> tuple[str, str]:
    """Six evenings, and what is left to do at home. An evening whose chapter is not written takes one of those."""
    written, home = of_number(), [name for name in HOME if name in of_number()]
    rows = ["| evening | chapters | minutes of the chapters |", "|---|---|---|"]
    for number, names in enumerate(EVENINGS, 1):
        here = [name for name in names if name in written] or [home.pop(0)]
        total = sum(minutes(written[name]) for name in here)
        rows.append(f"| {number} | {'; '.join(f'{name}, {title(written[name])}' for name in here)} | {total} |")
    return "\n".join(rows), " and ".join(filter(None, [", ".join(home[:-1]), *home[-1:]])) or "none"


def chapter(number: str, master: Path) -> Iterator[str]:
    """Sections, predictions and exercises of a chapter."""
    yield f"### {number} {title(master)} ({minutes(master)} minutes)\n"
    yield "| section | minutes |\n|---|---|"
    yield from (f"| {name} | {took} |" for name, took in sections(master))
    if asked := predictions(number):
        yield "\n| prediction | it asks | what happens | wrong choices, and the belief behind each |\n|---|---|---|---|"
        for one in asked:
            wrong = "; ".join(f"{cell(said)}{_belief(belief)}" for said, belief in one.choices.items() if belief)
            yield f"| {one.id} | {cell(_short(one.asks))} | {cell(one.answer)} | {wrong} |"
    if exercises := of_chapter(number):
        yield "\n| exercise | it wants | it asks (first variant) | wrong answers that it expects |\n|---|---|---|---|"
        yield from (_row(one) for one in exercises)
    yield ""


def _row(one: Exercise) -> str:
    first = one.instance(0)
    kind = KINDS[next(base.__name__ for base in type(first).__mro__ if base.__name__ in KINDS)]
    return f"| {one.id} {cell(one.title)} | {kind} | {cell(_short(first.asks))} | {'<br>'.join(wrong_answers(one))} |"


def wrong_answers(one: Exercise) -> list[str]:
    """The beliefs that lead to wrong answers in the first variants, and such answers of the first one as fit into a line."""
    numbers = sorted({belief for n in range(VARIANTS) for _, belief in one.instance(n).wrong_answers if belief})
    short = [
        str(said) for said, _ in one.instance(0).wrong_answers if isinstance(said, (str, int)) and len(str(said)) < 30
    ]
    lines = [f"“{cell(misconception(number).belief)}” ({number})" for number in numbers]
    answers = [cell(said) for said in dict.fromkeys(short) if "\n" not in said]
    return [*([", ".join(answers)] if answers else []), *lines]


def _belief(number: int) -> str:
    return "" if number < 0 else f" (“{cell(misconception(number).belief)}” {number})"


def _short(asks: str) -> str:
    """A question in one line, cut after a sentence where it is long."""
    said = " ".join(plain(asks).split())
    if len(said) <= LONG:
        return said
    cut = max(said.rfind(end, 0, LONG) for end in (". ", "? ", ": "))
    return f"{said[: cut + 1] if cut > 60 else said[:LONG]} …"


def cell(said: str) -> str:
    """Text in a cell of a table."""
    return " ".join(said.split()).replace("|", "\\|").replace("<", "&lt;")


def page() -> str:
    """The whole page."""
    table, home = evenings()
    told = "\n".join(line for number, master in of_number().items() for line in chapter(number, master))
    text = TEXT.read_text(encoding="utf-8")
    for name, value in {"day": day(), "evenings": table, "home": home, "chapters": told.rstrip()}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def readme(text: str) -> str:
    """The README with the minutes of its chapters as the masters say them."""
    for number, master in of_number().items():
        text = re.sub(rf"^(\| {number} \| .*\| )\d+ \|$", rf"\g<1>{minutes(master)} |", text, flags=re.MULTILINE)
    return text


def main(_: Sequence[str] = ()) -> None:
    FILE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
