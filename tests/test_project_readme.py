"""What README.md, docs/ and the instructor's page say is so: chapters, minutes, commands, pictures, folders."""

import re
import shlex
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
import pytest

from kubenet_course.cli import kubenet
from kubenet_course.learn.bank import everything, predictions
from tools import build, instructor_page

ROOT = build.ROOT
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("binder", "offline", "instructor"))]
RENEW = "run `python -m tools.instructor_page`"
ROWS = {row[0]: row for row in re.findall(r"^\| (\d\d) \| ([^|]+?) \| [^|]+ \| (\d+) \|$", README, re.MULTILINE)}
CHAPTERS = pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)


@CHAPTERS
def test_the_readme_has_each_chapter_with_its_title_and_its_minutes(master):
    number, title = master.stem[:2], instructor_page.title(master)
    assert ROWS[number] == (number, title, str(instructor_page.minutes(master))), RENEW


def test_a_chapter_is_either_in_the_table_or_said_not_to_be_written():
    said = re.search(r"other chapters of the plan \(([^)]+)\) are not written", README)
    assert said
    assert sorted([*ROWS, *said[1].split(", ")]) == [f"{number:02}" for number in range(16)]


def test_the_minutes_of_a_chapters_sections_add_up_to_its_own():
    for master in build.masters():
        total = sum(took for _, took in instructor_page.sections(master))
        assert abs(total - instructor_page.minutes(master)) <= 5, master.stem


def test_minutes_are_found_wherever_a_chapter_says_them(tmp_path):
    """In its head, in a table, in headings, below headings; else shared out by what there is to read, run and answer."""
    master = tmp_path / "00-x.md"

    def found(text: str) -> tuple[int, list[tuple[str, int]]]:
        master.write_text(f"# X\n\n{text}")
        return instructor_page.minutes(master), instructor_page.sections(master)

    assert found("| section | minutes |\n|---|---|\n| A | 4 |\n| *stop* | |\n| B | 6 |\n\n## A\n## B\n") == (
        10,
        [("A", 4), ("B", 6)],
    )
    assert found("Time: about 9 minutes.\n\n## A (4 minutes)\n\n## B (5 minutes)\n") == (9, [("A", 4), ("B", 5)])
    assert found("The chapter takes about 7 minutes.\n\n## A\n\n*7 minutes.* Text.\n\n## Recap\n") == (7, [("A", 7)])
    assert found(f"Time: 30 minutes.\n\n## A\n\n{'word ' * 100}\n\n## B\n\n{'word ' * 200}\n") == (
        30,
        [("A", 10), ("B", 20)],
    )


def test_the_instructors_page_is_what_the_chapters_and_the_bank_make_of_it():
    assert instructor_page.FILE.read_text(encoding="utf-8") == instructor_page.page(), RENEW


def test_the_instructors_page_names_every_exercise_and_every_prediction():
    page = instructor_page.FILE.read_text(encoding="utf-8")
    for number in instructor_page.of_number():
        assert all(f"| {one.id} |" in page for one in predictions(number))
    written = instructor_page.of_number()
    assert all(f"| {one.id} " in page for one in everything() if one.chapter in written)


def lines() -> list[str]:
    """The lines of README and docs that call kubenet, as one would type them."""
    found = [line.strip() for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    return [line.partition(" > ")[0] for line in found if line.startswith("kubenet ")]


@pytest.mark.parametrize("line", lines())
def test_a_command_that_is_shown_exists_with_its_options_and_files(line):
    words = shlex.split(line, comments=True)[1:]
    assert all((ROOT / word).exists() for word in words if word.startswith("data/"))
    command: click.Command = kubenet
    while isinstance(command, click.Group) and words:
        below = command.get_command(click.Context(command), words[0])
        if below is None:
            break
        command, words = below, words[1:]
    command.make_context("kubenet", words)


def test_the_table_of_commands_names_each_group():
    listed = re.findall(r"^\| `kubenet (\w+)", README, re.MULTILINE)
    assert sorted(set(listed)) == sorted(kubenet.list_commands(click.Context(kubenet)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_points_at_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:docs|data|kubenet_course|notebooks)/[\w./-]*)`", text)) | set(
        re.findall(r"\]\((data/[^)]+)\)", text)
    )
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_a_picture_in_the_readme_has_words_for_who_does_not_see_it():
    pictures = re.findall(r"!\[([^]]*)\]\((data/pictures/[^)]+)\)", README)
    assert len(pictures) == 2 and all(len(words.split()) > 10 for words, _ in pictures)


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "binder.md"], ids=lambda page: page.name)
def test_a_link_to_binder_opens_chapter_00(page: Path):
    links = re.findall(r"https://mybinder\.org/v2/[^`)\s']+", page.read_text(encoding="utf-8"))
    assert links
    for link in (one for one in links if "?" in one):
        (opens,) = parse_qs(urlsplit(link).query)["urlpath"]
        assert (ROOT / opens.removeprefix("lab/tree/")) == build.notebook_of(build.masters()[0])


def test_both_commands_stand_first():
    assert README.splitlines()[2:4] == [
        "    python3 run.py lab     # make the environment, open the first chapter in JupyterLab",
        "    python3 run.py test    # make the environment, run every test",
    ]
