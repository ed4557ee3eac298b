"""What the drawings share: text, lines, colours that follow the reader's light or dark theme."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "soft": "#59636e",
    "grid": "#d8dee4",
    "a": "#0969da",
    "b": "#bc4c00",
    "c": "#6e7781",
}
DARK = {
    "paper": "#0d1117",
    "ink": "#f0f6fc",
    "soft": "#9198a1",
    "grid": "#30363d",
    "a": "#58a6ff",
    "b": "#f0883e",
    "c": "#9198a1",
}
FONT = 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif'
SHAPES = f"""text {{ font: 13px {FONT}; }}
.head {{ font-weight: 600; }} .title {{ font-size: 17px; font-weight: 600; }}
.small {{ font-size: 12px; }}
.line {{ fill: none; stroke-width: 2; stroke-linejoin: round; }} .line.grid {{ stroke-width: 1; }}
"""


def style() -> str:
    """Plain rules, no variables: not every viewer knows those."""
    dark = f"@media (prefers-color-scheme: dark) {{\n{_rules(DARK)}\n}}"
    return f"{SHAPES}{_rules(LIGHT)}\n{dark}"


def _rules(colours: dict[str, str]) -> str:
    return "\n".join(
        f".{name} {{ fill: {colour}; }} .line.{name} {{ fill: none; stroke: {colour}; }}"
        for name, colour in colours.items()
    )


def document(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """A whole drawing; the title is also read out to who does not see it."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-label="{escape(title)}">',
        f"<style>\n{style()}\n</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        text(20, 30, title, "ink title"),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def text(x: float, y: float, said: str, style: str = "ink", anchor: str = "start") -> str:
    """A line of text whose baseline is at y; `anchor` is start, middle or end."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
        f"{escape(said)}</text>"
    )


def line(x1: float, y1: float, x2: float, y2: float, style: str = "grid") -> str:
    """A straight line, in the colour of that name."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="line {style}"/>'


def curve(points: Sequence[tuple[float, float]], colour: str) -> str:
    """A line through points, with a dot on each, in the colour of that name."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="{colour}"/>' for x, y in points]
    return "\n".join([f'<polyline points="{path}" class="line {colour}"/>', *dots])


def box(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> str:
    """A filled rectangle, in the colour of that name."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{height:.1f}"'
        f' class="{colour}" fill-opacity="{opacity:g}"/>'
    )
