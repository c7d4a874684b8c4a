"""Every deliberate departure is numbered once, and cited where it is made."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_deviation_is_cited_in_the_code_and_every_citation_exists() -> None:
    listed = re.findall(r"^\| (DEV-\d+) ", (ROOT / "DEVIATIONS.md").read_text(), re.M)
    code = "".join(path.read_text() for path in (ROOT / "kubenet_course").rglob("*.py"))
    cited = set(re.findall(r"DEV-\d+", code))
    assert len(listed) == len(set(listed))
    assert cited == set(listed)
