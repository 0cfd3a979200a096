"""How much of the text of real documents is read, beside a reference, in what time and memory.

    python -m benchmarks.file_reading FOLDER...              a table, format by format
    python -m benchmarks.file_reading --most 50 FOLDER...    of at most 50 files of each format
    python -m benchmarks.file_reading --list FOLDER...       the files that miss words, too

The references are pdftotext (poppler-utils) for PDF, pandoc for Word and HTML, and the package
python-pptx for PowerPoint. A format without its reference is read all the same. The text found is
the share of the reference's different words that stand in ours.
"""

import argparse
import importlib
import io
import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from emulator.retrieval.file_text import Unreadable, extension_of
from emulator.retrieval.reader_process import FileReaders

from rich.console import Console
from rich.table import Table as Grid

FORMATS = (".pdf", ".docx", ".pptx", ".html", ".md", ".tex", ".json", ".txt")
PATIENCE_S = 60
LONG = 200
"""A reference with so many words has read a file that should not have been refused."""


@dataclass
class FileReading:
    """How one file went: its words or why there are none, and what the reference found."""

    path: Path
    seconds: float
    text: str = ""
    refusal: str = ""
    reference: str | None = None

    @property
    def found(self) -> float | None:
        """The share of the reference's words; None without a text or without a reference."""
        if self.refusal or not self.reference or not (wanted := words(self.reference)):
            return None
        return len(words(self.text) & wanted) / len(wanted)


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]{2,}", text.lower().replace("\xad", "")))


def documents(folders: list[Path], most: int) -> dict[str, list[Path]]:
    """The files of each format, in no order; the same ones each time."""
    found: dict[str, list[Path]] = {extension: [] for extension in FORMATS}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and (extension := extension_of(path.name)) in found:
                found[extension].append(path)
    for paths in found.values():
        random.Random(0).shuffle(paths)
    return {extension: paths[:most] for extension, paths in found.items() if paths}


def read(readers: FileReaders, path: Path) -> FileReading:
    data = path.read_bytes()
    start = time.perf_counter()
    try:
        text, refusal = readers.read_text(path.name, data), ""
    except Unreadable as error:
        text, refusal = "", error.message
    seconds = time.perf_counter() - start
    return FileReading(path, seconds, text, refusal, reference(path))


# --------------------------------------------------------------------- references


def reference(path: Path) -> str | None:
    """The text by another program; None where it is not installed, or fails."""
    reader = _REFERENCES.get(extension_of(path.name))
    return reader and reader(path)


def by_program(*command: str) -> Callable[[Path], str | None]:
    def run(path: Path) -> str | None:
        if shutil.which(command[0]) is None:
            return None
        words = [str(path) if word == "FILE" else word for word in command]
        try:
            done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=True)
        except subprocess.SubprocessError:
            return None
        return done.stdout.decode("utf-8", "replace")

    return run


def by_python_pptx(path: Path) -> str | None:
    try:
        pptx: Any = importlib.import_module("pptx")
    except ImportError:
        return None
    with suppress(Exception):  # it is the reference that fails, whatever it raises
        slides = pptx.Presentation(io.BytesIO(path.read_bytes())).slides
        return "\n".join(line for slide in slides for line in _lines_of_slide(slide))
    return None


def _lines_of_slide(slide: Any) -> Iterator[str]:
    for shape in slide.shapes:
        if shape.has_text_frame:
            yield shape.text_frame.text
        elif getattr(shape, "has_table", False) and shape.has_table:
            yield from (cell.text for row in shape.table.rows for cell in row.cells)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        yield slide.notes_slide.notes_text_frame.text


_REFERENCES = {
    ".pdf": by_program("pdftotext", "-q", "-enc", "UTF-8", "FILE", "-"),
    ".docx": by_program("pandoc", "-f", "docx", "-t", "plain", "--wrap=none", "FILE"),
    ".html": by_program("pandoc", "-f", "html", "-t", "plain", "--wrap=none", "FILE"),
    ".pptx": by_python_pptx,
}


# -------------------------------------------------------------------------- table


def line(extension: str, readings: list[FileReading], peak: int) -> list[str]:
    found = sorted(share for each in readings if (share := each.found) is not None)
    refused = [each for each in readings if each.refusal]
    wrongly = sum(len(words(each.reference or "")) >= LONG for each in refused)
    return [
        extension,
        str(len(readings)),
        str(len(readings) - len(refused)),
        f"{len(refused)} / {wrongly}",
        f"{median(found):.3f} / {found[len(found) // 20]:.3f}" if found else "",
        f"{max(each.seconds for each in readings):.1f} s",
        f"{peak / 2**20:.0f} MB" if peak else "",
    ]


def listed(console: Console, readings: list[FileReading]) -> None:
    """The files whose text is not all there, worst first, with some of the words."""
    poor = [each for each in readings if each.found is not None and each.found < 0.95]
    for each in sorted(poor, key=lambda reading: reading.found or 0):
        missing = sorted(words(each.reference or "") - words(each.text))[:12]
        console.print(f"{each.found:.2f} {each.path}: {' '.join(missing)}", markup=False)
    for each in readings:
        if each.refusal:
            known = len(words(each.reference or ""))
            console.print(f"refused, {known} words: {each.path}: {each.refusal}", markup=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--most", type=int, default=10**9, help="files of each format")
    parser.add_argument("--list", action="store_true", help="the files that miss words, too")
    args = parser.parse_args()
    console = Console(soft_wrap=True)
    grid = Grid(title="real documents: their text beside a reference, and what it costs")
    for title in (
        *("format", "files", "read", "refused / of them with text"),
        *("words found: median / worst 5 %", "slowest", "most memory"),
    ):
        grid.add_column(title)
    for extension, paths in documents(args.folders, args.most).items():
        readers = FileReaders()
        readings = [read(readers, path) for path in paths]
        readers.close()
        grid.add_row(*line(extension, readings, readers.peak_bytes))
        if args.list:
            listed(console, readings)
    console.print(grid)


if __name__ == "__main__":
    main()
