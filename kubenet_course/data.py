"""Where the course's data and its notebooks lie: at the top of a checkout, or, in an installed wheel, within the package."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT, SHIPPED = HERE.parent, HERE / "shipped"


def top() -> Path:
    """The folder that holds `data/` and `notebooks/`. A checkout has its pyproject.toml beside them."""
    is_checkout = (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / "data").is_dir()
    return CHECKOUT if is_checkout or not SHIPPED.is_dir() else SHIPPED


ROOT = top() / "data"
NOTEBOOKS = top() / "notebooks"


def data(name: str) -> Path:
    """The path of a data file, such as `clusters/two-nodes.yaml`, wherever a notebook was started."""
    return ROOT / name
