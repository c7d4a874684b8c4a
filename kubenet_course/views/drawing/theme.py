"""Colours for light and dark pages, told apart by everyone, and the sizes of text that every picture uses.

The hues are those of Okabe and Ito, made darker or lighter until they can be read. A colour never says anything alone:
where the packet is there is also a thick ring, where it has been a thick line, and words say both.
"""

from __future__ import annotations

NAME, ADDRESS = 13.0, 11.5  # px, of text in a picture as wide as WIDTH
WIDTH = 560  # px: what JupyterLab leaves for an output in a window of 700
GLYPH = 0.56  # width of a usual glyph as a share of the size of its text, in the fonts of FONT
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"
READABLE, VISIBLE = 4.5, 3.0  # least contrast of text, and of lines that mean something (WCAG 2.2, 1.4.3 and 1.4.11)

LIGHT = {
    "paper": "#ffffff",
    "panel": "#f4f6f9",
    "ink": "#16191d",
    "quiet": "#4c545e",
    "line": "#6d7680",
    "machine": "#f4f6f9",
    "pod": "#d8ecf8",
    "bridge": "#d5efe3",
    "kernel": "#ffffff",
    "device": "#fdebc8",
    "segment": "#e6e9ed",
    "path": "#00629b",
    "here": "#a33b00",
    "here-fill": "#ffe3cf",
    "good": "#00694a",
    "bad": "#9c0a57",
}
DARK = {
    "paper": "#111111",
    "panel": "#1b1f24",
    "ink": "#f1f3f5",
    "quiet": "#b9c1ca",
    "line": "#8f99a4",
    "machine": "#1b1f24",
    "pod": "#0e3a56",
    "bridge": "#0b4433",
    "kernel": "#111111",
    "device": "#4d3806",
    "segment": "#32383f",
    "path": "#6cc0f0",
    "here": "#ffb27a",
    "here-fill": "#5c2500",
    "good": "#62d6ae",
    "bad": "#ff9fcb",
}
# Where JupyterLab names a colour of its own, its name comes first and ours stands in for pages that have none.
JUPYTER = {"paper": "--jp-layout-color0"}

# (text, background): every pair of which some picture, widget or table makes use.
TEXT_PAIRS = [
    *((text, ground) for text in ("ink", "quiet") for ground in ("paper", "panel", "kernel", "segment", "machine")),
    *((text, ground) for text in ("ink", "quiet") for ground in ("pod", "bridge", "device", "here-fill")),
    *((text, ground) for text in ("path", "here", "good", "bad") for ground in ("paper", "panel")),
]
LINE_PAIRS = [(line, ground) for line in ("line", "path", "here") for ground in ("paper", "machine", "panel")]

CELL = "padding:2px 8px;text-align:left;vertical-align:top;border:1px solid rgba(128,128,128,.45)"
CODE = "font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:12px;overflow-wrap:anywhere"


def luminance(colour: str) -> float:
    """How bright `#rrggbb` is, from 0 to 1 (relative luminance of WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white), as WCAG 2.2 counts."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def colour(name: str) -> str:
    """A colour as CSS: what the page's theme says, else the light one."""
    return f"var(--kn-{name}, {LIGHT[name]})"


def variables(selector: str) -> str:
    """CSS that gives everything under `selector` the colours of the page it stands in.

    JupyterLab says on `body` which theme it shows; elsewhere the reader's own preference decides.
    """

    def said(palette: dict[str, str]) -> str:
        return "".join(
            f"--kn-{name}:{f'var({JUPYTER[name]},{value})' if name in JUPYTER else value};"
            for name, value in palette.items()
        )

    elsewhere = f"body:not([data-jp-theme-light]) {selector},:root:not(:has(body)) {selector}"
    return (
        f"{selector}{{{said(LIGHT)}}}\n"
        f'body[data-jp-theme-light="false"] {selector}{{{said(DARK)}}}\n'
        f"@media (prefers-color-scheme:dark){{{elsewhere}{{{said(DARK)}}}}}\n"
    )


def width_of(text: str, size: float) -> float:
    """About how wide a text will be, in px; never much less than it is."""
    return sum(0.95 if glyph in "MWmw@" else 0.36 if glyph in "il.:|/ ,;'" else GLYPH + 0.03 for glyph in text) * size


def shortened(text: str, room: float, size: float) -> str:
    """A text that fits: what is too long loses its middle, since names differ at their ends."""
    if width_of(text, size) <= room:
        return text
    keep = len(text) - 1
    while keep > 2 and width_of(f"{text[: (keep + 1) // 2]}…{text[-(keep // 2) :]}", size) > room:
        keep -= 1
    return f"{text[: (keep + 1) // 2]}…{text[-(keep // 2) :]}"
