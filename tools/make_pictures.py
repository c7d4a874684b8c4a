"""Draws the README's pictures from the models: python -m tools.make_pictures

Each is a widget of the course as a browser shows it, on a page of its own: its script, its style, and what the model told it.
"""

import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anywidget
from playwright.sync_api import Browser, sync_playwright

from kubenet_course.data import data
from kubenet_course.kube import cluster, connectivity, request
from kubenet_course.learn import broken
from kubenet_course.views import Matrices, Stepper

PICTURES = Path(__file__).resolve().parent.parent / "data" / "pictures"
WIDTH = 860  # GitHub gives a README about so many pixels
PAGE = """<!doctype html><meta charset="utf-8"><style>%s
body { margin: 0; padding: 12px; font: 14px/1.45 system-ui, sans-serif; background: white; }</style><div id="here"></div>
<script type="module">
import widget from "data:text/javascript;base64,%s";
const told = %s;
const quiet = { on() {}, off() {}, send() {}, save_changes() {} };
const model = { ...quiet, get: (name) => told[name], set: (name, to) => { told[name] = to; } };
widget.render({ model, el: document.getElementById("here") });
</script>"""


def widgets() -> dict[str, anywidget.AnyWidget]:
    """The pictures by their names: one request step by step, and a cluster with one wrong row."""
    ours = cluster([data("clusters/two-nodes.yaml")])
    world = ours.world()
    asked = request(ours, "pod/default/client", "service/default/web:80", world=world)
    stepper = Stepper(world, asked, title="The pod client asks the Service web")
    stepper.step = 2
    sick = broken(ours, "unrouted").world
    matrices = Matrices({"a node without a route": connectivity(ours, sick)}, world=sick)
    matrices.choose(cell=("client", "web-2"))
    return {"stepper": stepper, "matrix": matrices}


def page(widget: anywidget.AnyWidget) -> str:
    """A page that shows a widget, without a notebook."""
    traits = {name: getattr(widget, name) for name in widget.keys if not name.startswith("_") and name != "layout"}
    return PAGE % (widget._css, b64encode(str(widget._esm).encode()).decode(), json.dumps(traits).replace("</", "<\\/"))


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with browser() as shown:
        for name, widget in widgets().items():
            sheet = shown.new_page(viewport={"width": WIDTH, "height": 400}, device_scale_factor=1.5)
            sheet.set_content(page(widget))
            sheet.wait_for_timeout(500)
            sheet.screenshot(path=PICTURES / f"{name}.png", full_page=True)
            print(PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
