"""What the course uses of the SDK, held against the SDK that is installed.

    python -m tools.check_sdk             what is gone or deprecated, with file and line
    python -m tools.check_sdk --list      every method, parameter, field, event and model in use

It reads the lessons, the examples, the exercises with their solutions, and the events that the
pages name. The exit code is 1 if something has to be changed.
"""

import argparse
import codecs
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from common import COURSE
from console.freshness import mentions, sdk_folder, sdk_names
from emulator.models import NAMED
from tools.sdk_report import Complaint, SdkReport, Use, event, is_event
from tools.sdk_uses import CheckedProgram

TEXTS = ("console/parts.toml", "exercises/index.toml", "examples/**/*.html", "docs/*.md", "*.md")
PROGRAMS = ("0*.py", "examples/**/*.py", "exercises/*/*.py", "exercises/packed/*/solution*.rot13")
_WORD = re.compile(r"""["'`]([a-z_]+(?:\.[a-z_]+)+)["'`]""")


def check_text(path: Path, file: str, sdk: Path, report: SdkReport) -> None:
    """The types of events that a page or a table of texts names."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        for word in _WORD.findall(line):
            if is_event(word):
                event(report, file, number, word, sdk)


def check_models(
    path: Path, course: Path, names: Mapping[str, set[str]], report: SdkReport
) -> None:
    """The models that a program names have to stand in the SDK's lists, if they stood there."""
    for mention, _ in mentions(path, course):
        model = NAMED.get(mention.model)
        if model is None or model.source or ".md" in mention.file:
            continue
        report.uses[Use("model", mention.model)].add((mention.file, mention.line))
        if mention.model not in names.get(model.named_in, set()):
            what = f"openai/{model.named_in} doesn't name the model {mention.model!r}"
            report.complaints.add(Complaint(mention.file, mention.line, what))


def check(course: Path = COURSE, sdk: Path | None = None) -> SdkReport:
    """Check all of a course. `sdk` is the folder of the SDK that this Python imports."""
    sdk, report = sdk or sdk_folder(), SdkReport()
    models = sdk_names(sdk)
    for path in sorted({each for pattern in PROGRAMS for each in course.glob(pattern)}):
        text = path.read_text("utf-8")
        is_packed = path.suffix == ".rot13"  # mypy doesn't see these
        if is_packed:
            text = codecs.decode(text, "rot13")
        else:
            check_models(path, course, models, report)
        file = path.relative_to(course).as_posix()
        CheckedProgram(file, text, sdk, report, is_strict=not is_packed).check()
    for path in sorted({each for pattern in TEXTS for each in course.glob(pattern)}):
        check_text(path, path.relative_to(course).as_posix(), sdk, report)
        check_models(path, course, models, report)
    check_models(course / "common" / "settings.py", course, models, report)
    return report


def main(args: list[str] | None = None) -> int:
    """Print what is wrong, or all that is used."""
    parser = argparse.ArgumentParser("python -m tools.check_sdk", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print all that the course uses")
    parser.add_argument("--course", type=Path, default=COURSE, help="the folder to check")
    options = parser.parse_args(args)
    report = check(options.course)
    if options.list:
        for use in sorted(report.uses):
            print(f"{use.kind:9} {use.name} ({len(report.uses[use])})")
    for complaint in sorted(report.complaints):
        print(complaint)
    kinds = len(report.uses)
    print(f"openai {version('openai')}: {kinds} uses, {len(report.complaints)} to be changed")
    return 1 if report.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
