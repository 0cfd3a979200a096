"""Shows what pip does, in short lines."""

import re
import sys

from setup.problem import say


class Progress:
    """One line on a terminal that changes; elsewhere a line for each package."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.fetched = 0
        self.live = sys.stderr.isatty()
        self.width = 0

    def watch(self, line: str) -> None:
        """Show what a line of pip's output means for the learner, if it means anything."""
        text = self.read(line)
        if text and (self.live or not text.startswith("fetching")):
            self.show(text)

    def read(self, line: str) -> str:
        """A line of pip's output in our words; empty if the learner doesn't need it."""
        found = re.match(r"Collecting ([\w.-]+)", line)
        fetched = re.match(r" +(?:Downloading|Using cached) (\S+?)-\d\S*\.whl \((.+)\)", line)
        if found and found[1] not in self.found:
            self.found.append(found[1])
            return f"package {len(self.found)}: {found[1]}"
        if fetched:
            self.fetched += 1
            return f"fetching {self.fetched} of {len(self.found)}: {fetched[1]} ({fetched[2]})"
        if line.startswith("Installing collected packages"):
            return f"installing all {line.count(',') + 1}"
        return "no answer yet, trying again" if "Retrying (Retry(" in line else ""

    def show(self, text: str) -> None:
        """Put a text in place of the last one, or below it."""
        from shutil import get_terminal_size

        if not self.live:
            return say("  " + text)
        text = f"  {text}"[: max(0, get_terminal_size().columns - 3)]
        sys.stderr.write("\r" + text.ljust(self.width))
        sys.stderr.flush()
        self.width = len(text)

    def clear(self) -> None:
        """Leave an empty line for what comes next; the terminal may have put a ^C at its end."""
        if self.live:
            sys.stderr.write("\r" + " " * (self.width + 2) + "\r")
