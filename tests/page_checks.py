"""What is measured in a page: what is too wide, what has no name for those who listen, which text has too little contrast."""

from __future__ import annotations

from itertools import pairwise

from playwright.sync_api import Page

from kubenet_course.views.drawing.theme import READABLE, contrast

# Everything under it is looked at: what cells put out, and the chapter's own text.
SCOPE = ".jp-OutputArea-output, .jp-MarkdownOutput"
# JupyterLab gives no name to a picture that it draws from an output; that such an output has words is tested in test_learn_pages.
SPEAKS = ".jp-OutputArea-output:not([data-mime-type^='image/']), .jp-MarkdownOutput"
WIDER = """(scope) => {
    const scrolls = (one) => ['auto', 'scroll'].includes(getComputedStyle(one).overflowX);
    const is_over = (one) => one.scrollWidth > one.clientWidth + 1, right = (one) => one.getBoundingClientRect().right;
    const found = [...document.querySelectorAll(scope)].filter((one) => one.clientWidth && is_over(one));
    for (const one of document.querySelectorAll(`:is(${scope}) *`)) {
        let box = one.parentElement;
        while (box && !scrolls(box)) box = box.parentElement;
        if (!box || !one.getClientRects().length || one.closest('.kn-only-heard, .kn-heard')) continue;
        if (right(one) > right(box) + 1 && !is_over(box)) found.push(one);
    }
    if (document.documentElement.scrollWidth > innerWidth) found.push(document.body);
    return [...new Set(found)].map((one) => `${one.tagName} ${one.className}: ${one.textContent.trim().slice(0, 60)}`);
}"""
# A colour may be given with its share of what shines through; what lies under it is mixed in.
COLOURS = """(scope) => {
    const spelled = (css) => { const [r, g, b, a = 1] = (css.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number); return [r, g, b, a]; };
    const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3]));
    const ground = (one) => {
        const layers = [];
        for (let at = one; at; at = at.parentElement) {
            const found = spelled(getComputedStyle(at).backgroundColor);
            if (found[3]) layers.push(found);
            if (found[3] === 1) break;
        }
        return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
    };
    const beneath = (text) => {
        const box = text.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
        let under = ground(text.ownerSVGElement);
        for (const shape of text.ownerSVGElement.querySelectorAll('rect, path, circle, polygon')) {
            if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
            const at = shape.getBoundingClientRect(), fill = getComputedStyle(shape).fill;
            if (fill === 'none' || x < at.left || x > at.right || y < at.top || y > at.bottom) continue;
            under = over(spelled(fill), under);
        }
        return under;
    };
    const rows = new Map();
    for (const one of document.querySelectorAll(`:is(${scope}), :is(${scope}) *`)) {
        const style = getComputedStyle(one);
        if (![...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
        if (!one.getClientRects().length || style.visibility === 'hidden') continue;
        if (one.closest('style, script, .kn-only-heard, .kn-heard')) continue;
        const drawn = one instanceof SVGTextContentElement;
        const ink = spelled(drawn ? style.fill : style.color), under = drawn ? beneath(one) : ground(one);
        const what = `${one.tagName} ${one.getAttribute('class') ?? ''}: ${one.textContent.trim().slice(0, 40)}`;
        rows.set([ink, under].join(), [what, over(ink, under), under]);
    }
    return [...rows.values()];
}"""
# Of widgets: how many cells put one out, and how many the page has drawn.
WIDGETS = """() => {
    const outputs = window.jupyterapp.shell.currentWidget.content.widgets.flatMap((cell) => cell.model.outputs?.toJSON() ?? []);
    const asked = outputs.filter((one) => one.data?.['application/vnd.jupyter.widget-view+json']).length;
    return [asked, document.querySelectorAll('.jp-OutputArea-output:not([data-mime-type])').length];
}"""
LEVELS = """() => [...document.querySelectorAll('.jp-MarkdownOutput, .jp-OutputArea-output')].flatMap((one) =>
    [...one.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((head) => Number(head.tagName[1])))"""
# Roles that a person does something with or looks at; each needs words of its own. What the page hides from them has none.
UNNAMED_BY_IPYWIDGETS = (
    "noUi-handle"  # of its sliders; the description stands beside it, and nothing ties the two together
)
NAMED = {
    "button",
    "textbox",
    "slider",
    "combobox",
    "checkbox",
    "radio",
    "spinbutton",
    "listbox",
    "link",
    "image",
    "img",
}


def too_wide(page: Page) -> list[str]:
    """What sticks out of the place that it stands in, unless that place scrolls for it."""
    return page.evaluate(WIDER, SCOPE)


def unreadable(page: Page) -> list[str]:
    """Text whose contrast is too low, with the figure."""
    rows = [(what, contrast(_hex(ink), _hex(under))) for what, ink, under in page.evaluate(COLOURS, SCOPE)]
    return [f"{ratio:.2f} {what}" for what, ratio in rows if ratio < READABLE]


def nameless(page: Page) -> list[str]:
    """Controls and pictures without an accessible name, as the browser itself computes names for a screen reader."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("DOM.enable")
    root = devtools.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    found = []
    for node in devtools.send("DOM.querySelectorAll", {"nodeId": root, "selector": SPEAKS})["nodeIds"]:
        for one in devtools.send("Accessibility.queryAXTree", {"nodeId": node})["nodes"]:
            role, name = one.get("role", {}).get("value", ""), one.get("name", {}).get("value", "")
            if role in NAMED and not one.get("ignored") and not name.strip():
                html = devtools.send("DOM.getOuterHTML", {"backendNodeId": one["backendDOMNodeId"]})["outerHTML"]
                found += [f"{role}: {html[:160]}"] if UNNAMED_BY_IPYWIDGETS not in html else []
    devtools.detach()
    return found


def headings_skip(page: Page) -> list[int]:
    """The levels of the headings in the page, if they skip one or begin with another than the first."""
    levels = page.evaluate(LEVELS)
    good = levels[:1] == [1] and levels.count(1) == 1 and all(new <= old + 1 for old, new in pairwise(levels))
    return [] if good else levels


def _hex(colour: list[float]) -> str:
    return "#" + "".join(f"{round(part):02x}" for part in colour)
