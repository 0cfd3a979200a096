"""Makes the handbook's one PDF from its text; the same text gives the same bytes.

python -m pip install fpdf2==2.8.9
python tools/make_pdf.py
"""

from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF

DATA = Path(__file__).resolve().parent.parent / "data"
SOURCE = DATA / "dome-manual.txt"
TARGET = DATA / "handbook" / "house" / "dome-manual.pdf"
PRINTED = datetime(2026, 2, 16, 12, 0, tzinfo=UTC)


class Manual(FPDF):
    """A4 pages in Helvetica, with the number at the foot of each."""

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font("Helvetica", size=8)
        self.cell(0, 5, f"Fernhill Observatory, document D-7, page {self.page_no()}", align="C")


def made(text: str) -> Manual:
    """The text as pages: `# ` begins a heading, an empty line ends a paragraph."""
    manual = Manual(format="A4")
    manual.set_compression(False)  # a change of zlib must not change the file
    manual.set_creation_date(PRINTED)
    manual.set_producer("make_pdf.py")
    manual.set_title("Dome and Shutter: Operating Manual")
    manual.set_lang("en")
    manual.set_margin(25)
    manual.set_auto_page_break(True, margin=25)
    manual.add_page()
    for block in text.strip().split("\n\n"):
        if block.startswith("# "):
            manual.set_font("Helvetica", style="B", size=13)
            manual.ln(3)
        else:
            manual.set_font("Helvetica", size=11)
        words = " ".join(block.removeprefix("# ").split())
        manual.multi_cell(0, 5.5, words, align="L", new_x="LMARGIN", new_y="NEXT")
        manual.ln(2.5)
    return manual


if __name__ == "__main__":
    made(SOURCE.read_text(encoding="utf-8")).output(str(TARGET))
    print(f"{TARGET.relative_to(DATA.parent).as_posix()}: {TARGET.stat().st_size:,} bytes")
