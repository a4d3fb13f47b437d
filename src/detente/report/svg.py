"""What every chart is drawn with: SVG that is small, self-contained, and needs no colours.

Readable in light and dark. Colours are Okabe & Ito's (2008), which colour-blind readers tell
apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import wrap

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, GREY = "#56B4E9", "#CC79A7", "#999999"
STACK = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, GREY)

WIDTH, MARGIN, TOP, ROW = 720, 16, 64, 26
_FONT = 13
_STYLE = """
.dt-bg{fill:#ffffff}.dt-ink{fill:#1b1b1b}.dt-soft{fill:#555555}.dt-axis{stroke:#888888}
.dt-on{fill:#ffffff}
@media (prefers-color-scheme: dark){.dt-bg{fill:#16181c}.dt-ink{fill:#ececec}
.dt-soft{fill:#b4b4b4}.dt-axis{stroke:#8a8a8a}}
"""


def source_line(version: str, world: str, content_hash: str) -> str:
    """Who made a chart, and of which world."""
    return f"Source: detente {version}, world {world} {content_hash[:12]}"


def frame(title: str, unit: str, source: str, body: Sequence[str], height: float) -> str:
    """A chart: title, unit, the marks, and its source.

    Parameters
    ----------
    title, unit, source : str
    body : sequence of str
        Marks, in pixels below the head.
    height : float
        Of the body.
    """
    heads = _titles(title)
    below = 21 * (len(heads) - 1)
    whole = TOP + height + 44 + below
    about = f"{title}. {unit}."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole:.0f}" '
        f'width="{WIDTH}" height="{whole:.0f}" role="img" aria-label="{escape(about)}" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif">'
        f"<style>{_STYLE}.dt-field{{fill:#000000}}</style>"
        f'<rect class="dt-bg" width="{WIDTH}" height="{whole:.0f}"/>'
        + "".join(
            write(MARGIN, 26 + 21 * j, line, size=17, weight=600)
            for j, line in enumerate(heads)
        )
        + f"{write(MARGIN, 46 + below, unit, size=12, soft=True)}"
        f'<g transform="translate(0 {TOP + below})">{"".join(body)}</g>'
        f"{write(MARGIN, whole - 14, _fit(source, 11), size=11, soft=True)}"
        "</svg>\n"
    )


def rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled rectangle, pixels."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{colour}"/>'
    )


def write(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    size: int = _FONT,
    weight: int = 400,
    soft: bool = False,
) -> str:
    """A line of text, escaped."""
    kind = "dt-soft" if soft else "dt-ink"
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
        f'font-weight="{weight}" text-anchor="{anchor}">{escape(words)}</text>'
    )


def width_of(words: str, size: int = _FONT) -> float:
    """Width of a text in pixels, on the safe side."""
    return 0.56 * size * len(words)


def _titles(title: str) -> list[str]:
    """A title in one line, or in two where one would leave the picture; bold runs wide."""
    most = int((WIDTH - 2 * MARGIN) / (0.62 * 17))
    lines = wrap(title, most)
    return lines if len(lines) <= 2 else [lines[0], _fit(" ".join(lines[1:]), 19)]


def _fit(words: str, size: int) -> str:
    """The text, cut where it would leave the picture."""
    most = int((WIDTH - 2 * MARGIN) / (0.56 * size))
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
