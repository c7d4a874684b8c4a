"""Where the course's data lies: manifests, captures, facts, in the repository's `data/` folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "data"


def data(name: str) -> Path:
    """The path of a data file, such as `clusters/two-nodes.yaml`, wherever a notebook was started."""
    return ROOT / name
