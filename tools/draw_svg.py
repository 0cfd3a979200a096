"""What the pictures of the course share: colours, boxes, arrows, labels, and the file around them.

A picture is readable in light and dark, has real text in system fonts, and loads nothing.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

COURSE = Path(__file__).resolve().parent.parent
WIDTH = 880
LINE = 18  # pixels from one line of text to the next

SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif"
MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace"

# Each name is a class of the style; the colours were chosen for a contrast of 4.5 or more.
LIGHT = {
    "page": "#ffffff",
    "panel": "#f6f8fa",
    "border": "#8c959f",
    "ink": "#1f2328",
    "quiet": "#57606a",
    "blue": "#0550ae",
    "blue-fill": "#ddf4ff",
    "green": "#116329",
    "green-fill": "#dafbe1",
    "red": "#a40e26",
    "red-fill": "#ffebe9",
    "amber": "#7a4b00",
    "amber-fill": "#fff8c5",
}
DARK = {
    "page": "#0d1117",
    "panel": "#161b22",
    "border": "#6e7681",
    "ink": "#e6edf3",
    "quiet": "#9da7b3",
    "blue": "#79c0ff",
    "blue-fill": "#0f2a4a",
    "green": "#7ee787",
    "green-fill": "#12301c",
    "red": "#ffa198",
    "red-fill": "#3d1418",
    "amber": "#f2cc60",
    "amber-fill": "#33270a",
}
KINDS = ("blue", "green", "red", "amber")


class Drawing:
    """A picture that grows from top to bottom; `svg` gives the file."""

    def __init__(self, title: str, description: str, height: int) -> None:
        self.title, self.description, self.height = title, description, height
        self.parts: list[str] = []
        self.rules: list[str] = []

    def box(
        self, x: float, y: float, width: float, height: float, kind: str = "panel", radius: int = 8
    ) -> None:
        """A rectangle with round corners; `kind` is its colour."""
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}"'
        self.parts.append(f'<rect class="box {kind}" {place}/>')

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        """One line of text; `y` is its base line."""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        named = f" class={quoteattr(kind)}" if kind else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}"{named}{place}>{escape(words)}</text>')

    def lines(
        self, x: float, y: float, words: Iterable[str], kind: str = "", anchor: str = "start"
    ) -> None:
        """Several lines of text, the first with its base line at `y`."""
        for number, line in enumerate(words):
            self.text(x, y + number * LINE, line, kind, anchor)

    def arrow(self, points: Sequence[tuple[float, float]], kind: str = "", dash: str = "") -> None:
        """A line through the points, with a head at the last one."""
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<path class="arrow {kind}" d="{path}"{dashed}/>')
        self.parts.append(f'<path class="head {kind}" d="{_head(*points[-2], *points[-1])}"/>')

    def rule(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """A thin dashed line, such as the life line of a lane."""
        self.parts.append(f'<path class="rule" d="M{x:g} {y:g}L{to_x:g} {to_y:g}"/>')

    def svg(self) -> str:
        """The whole file."""
        size = f'viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" height="{self.height}"'
        named = 'role="img" aria-labelledby="title desc"'
        edge = f'width="{WIDTH - 1}" height="{self.height - 1}" rx="10"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} {named}>',
                f'<title id="title">{escape(self.title)}</title>',
                f'<desc id="desc">{escape(self.description)}</desc>',
                "<style>",
                *_style(),
                *self.rules,
                "</style>",
                f'<rect class="page" x=".5" y=".5" {edge}/>',
                *self.parts,
                "</svg>",
                "",
            ]
        )


def write(name: str, svg: str) -> None:
    """Put a picture into docs/."""
    (COURSE / "docs" / name).write_text(svg, encoding="utf-8", newline="\n")


def _head(x: float, y: float, tip_x: float, tip_y: float) -> str:
    """The triangle at the end of an arrow that comes from x, y."""
    length, half = 9, 4.5
    distance = ((tip_x - x) ** 2 + (tip_y - y) ** 2) ** 0.5
    along_x, along_y = (tip_x - x) / distance, (tip_y - y) / distance
    back_x, back_y = tip_x - along_x * length, tip_y - along_y * length
    left = (back_x - along_y * half, back_y + along_x * half)
    right = (back_x + along_y * half, back_y - along_x * half)
    corners = [(tip_x, tip_y), left, right]
    return "M" + "L".join(f"{round(a, 1):g} {round(b, 1):g}" for a, b in corners) + "Z"


def _style() -> list[str]:
    return [
        f"text{{font:14px {SANS}}}",
        f".mono{{font:13px {MONO};white-space:pre}}.small{{font-size:13px}}",
        ".title{font-size:18px;font-weight:600}.strong{font-weight:600}",
        ".arrow,.rule{fill:none;stroke-width:1.5}.rule{stroke-dasharray:3 4}.box{stroke-width:1}",
        *_colours(LIGHT),
        "@media (prefers-color-scheme:dark){",
        *_colours(DARK),
        "}",
    ]


def _colours(palette: dict[str, str]) -> list[str]:
    ink, quiet, border = palette["ink"], palette["quiet"], palette["border"]
    rules = [
        f".page{{fill:{palette['page']};stroke:{border}}}",
        f"text{{fill:{ink}}}text.quiet{{fill:{quiet}}}",
        f".box{{fill:{palette['panel']};stroke:{border}}}",
        f".arrow,.rule{{stroke:{quiet}}}.head{{fill:{quiet}}}",
    ]
    for kind in KINDS:
        colour, fill = palette[kind], palette[f"{kind}-fill"]
        rules += [
            f".box.{kind}{{fill:{fill};stroke:{colour}}}",
            f"text.{kind},.head.{kind}{{fill:{colour}}}.arrow.{kind}{{stroke:{colour}}}",
        ]
    return rules
