"""An ending that is no ordinary one, said in words: a traceback, a hang, an endless output.

The traffic is judged first. If that is as it should be, or if it stopped before the program could
do wrong, then how the program ended is what the learner has to know.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from grading.child import Ending
from grading.failure import Excerpt, Failure, cut
from grading.trace import Trace, TracedExchange

_FRAME = re.compile(r'^ *File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_LAST = re.compile(r"^(?P<name>[A-Za-z_][\w.]*)(?:: (?P<text>.*))?$")

_EVENT = re.compile(r"""["']([a-z_]+(?:\.[a-z_]+)+)["']""")
"""A string that may be the type of an event, such as "response.done"."""
MOST_NAMES = 8

EMPTY_WHY = "That line marks the place where your code goes. Replace it."
# What an exception means, by its name.
MEANINGS = {
    "APITimeoutError": "the server sent nothing for longer than the client waits.",
    "APIConnectionError": "the connection broke, or could not be opened.",
    "RateLimitError": "the server refused the request with status 429.",
    "AuthenticationError": "the server refused the key. Use the one that the environment gives.",
    "BadRequestError": "the server refused the request, and says why in the message.",
    "NotFoundError": "what the request names doesn't exist on this server.",
    "InternalServerError": "the server failed, as this exercise makes it do.",
    "ConnectionClosedError": "the WebSocket closed while the program still used it.",
    "ConnectionClosedOK": "the WebSocket closed while the program still used it.",
    "ModuleNotFoundError": "a package is missing. Use those of the course, or install it.",
    "SyntaxError": "Python can't read the file.",
    "IndentationError": "Python can't read the file: look at the spaces before the line.",
    "KeyboardInterrupt": "Ctrl-C stopped the program, and your code did not handle it.",
    "IndexError": "a list was shorter than the program expects.",
    "KeyError": "a field that the program expects was not there.",
    "JSONDecodeError": "a text was parsed as JSON before it was complete, or it never was JSON.",
    "AttributeError": "an object has no field of that name.",
    "TypeError": "a value has another type than the code expects.",
}
ABOUT_NONE = "some fields of an answer can be None."
NO_PARAMETER = "that function takes no parameter of that name."
OTHER_ARGUMENTS = "the function was called with other arguments than it takes."

_MISCALLED = re.compile(r"\(\) (missing \d+ required|takes .* argument|got multiple values)")


def crash(
    ending: Ending,
    program: Path,
    trace: Trace,
    limit_s: float,
    meanings: Mapping[str, str] = MappingProxyType({}),
) -> Failure | None:
    """What was wrong with the ending, or None if the program ended with 0.

    `meanings` are what exceptions mean in this exercise, by their names or their whole messages.
    """
    if ending.is_flood:
        return _flood(ending)
    if ending.code is None:
        return _late(trace, limit_s, program)
    return _failed(ending, program, meanings) if ending.code else None


def _flood(ending: Ending) -> Failure:
    last = ending.text.rstrip().splitlines()[-1:] or [""]
    return Failure(
        "Your program printed more than a million bytes, so it was stopped.",
        "It is probably an endless loop. Check the condition that ends it.",
        Excerpt("the last line that it printed", last[0][:60]),
    )


def _late(trace: Trace, limit_s: float, program: Path) -> Failure:
    fact = f"Your program still ran after {limit_s:g} seconds, so it was stopped."
    if not trace.exchanges:
        why = "It never sent a request. Is there a loop, or a wait, before the first call?"
        return Failure(fact, why)
    last = trace.exchanges[-1]
    if names := _unused(last):
        came = ", ".join(names[-MOST_NAMES:])
        hint = "Does your program wait for an event? Then compare its name with those that came"
        if never := _never_came(last, program):
            kind = "an event" if len(never) == 1 else "events"
            hint = f"Your program names {kind} that never came: {', '.join(never)}. These came"
        why = f"The server had nothing more to send. {hint} at the end: {came}."
        return Failure(fact, why, Excerpt("the last event that came", names[-1]))
    unanswered = [each.name for each in trace.exchanges if each.ended is None and not each.status]
    if unanswered:
        waiting = ", ".join(unanswered[:3])
        why = f"No answer had come yet to {waiting}. Your program can't know whether it was done."
    elif last.ended is None:
        why = (
            "It waited for an answer that was still open. When does your loop over the answer end?"
        )
    elif last.began - trace.exchanges[0].began > limit_s / 2:
        why = f"""It was still sending requests, {len(trace.exchanges)} so far. Can one of them do \
the work of several? If your computer was busy, run the check again."""
    else:
        why = "All answers had ended. It waited for something that never comes."
    return Failure(fact, why, Excerpt("the last request", f"{last.method} {last.path}"))


def _unused(session: TracedExchange) -> list[str]:
    """The types of the events that came after the last message of the program."""
    found: list[str] = []
    for event in session.messages:
        found = [] if event.sender == "client" else [*found, event.type]
    return list(dict.fromkeys(found))


def _never_came(session: TracedExchange, program: Path) -> list[str]:
    """The strings in a program that look like types of events, but that no event had."""
    passed = {event.type for event in session.messages}
    kinds = {kind.partition(".")[0] for kind in passed if "." in kind}
    try:
        text = program.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    named = dict.fromkeys(_EVENT.findall(text))
    return [name for name in named if name.partition(".")[0] in kinds and name not in passed][:3]


def _failed(ending: Ending, program: Path, meanings: Mapping[str, str]) -> Failure:
    lines = ending.errors.rstrip().splitlines()
    found = next((_LAST.match(line) for line in reversed(lines) if _LAST.match(line)), None)
    name = found["name"].rpartition(".")[2] if found else ""
    if "Traceback" not in ending.errors and name not in ("SyntaxError", "IndentationError"):
        return _exited(ending, lines)
    text = (found["text"] or "") if found else ""
    place = _place(ending.errors, program)
    if name == "NotImplementedError" and place is not None:
        fact = f"Nothing is written yet: line {place[0]} still raises NotImplementedError."
        return Failure(fact, EMPTY_WHY, Excerpt(f"line {place[0]}", cut(place[1]), 0))
    meaning = _meaning(name, text, meanings)
    where = f" in line {place[0]}" if place else _package(ending.errors)
    fact = f"Your program stopped with {name}{where}."
    shown = Excerpt("the message", cut(text)) if text and not place else None
    if place:
        shown = Excerpt(f"line {place[0]}", cut(place[1]), place[2])
    said = cut(text, 200).rstrip(".")
    end = "" if said.endswith(("?", "!")) else "."
    head = f"{said}{end} " if text and place else ""
    return Failure(fact, f"{head}{meaning[0].upper()}{meaning[1:]}", shown)


def _meaning(name: str, text: str, meanings: Mapping[str, str]) -> str:
    """What an exception means here; what an exercise says of a type is about a value of None."""
    if text in meanings:
        return meanings[text]
    usual = MEANINGS.get(name, "your program did not catch this exception.")
    if name == "TypeError" and "unexpected keyword argument" in text:
        return NO_PARAMETER
    if name == "TypeError" and _MISCALLED.search(text):
        return OTHER_ARGUMENTS
    if name in ("TypeError", "AttributeError") and "NoneType" in text:
        usual = ABOUT_NONE
    elif name == "TypeError":
        return usual
    return meanings.get(name, usual)


def _exited(ending: Ending, lines: list[str]) -> Failure:
    shown = Excerpt("the last line that it printed", cut(lines[-1])) if lines else None
    fact = f"Your program ended with the exit code {ending.code}."
    return Failure(fact, "Anything but 0 says that it failed. Here it should succeed.", shown)


def _place(errors: str, program: Path) -> tuple[int, str, int] | None:
    """The last line of the learner's own file in a traceback: number, text, place in the text."""
    own = [each for each in _FRAME.finditer(errors) if Path(each["file"]).name == program.name]
    if not own:
        return None
    number = int(own[-1]["line"])
    try:
        lines = program.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    if number > len(lines):
        return None
    text = lines[number - 1].strip()
    return number, text, _column(errors[own[-1].end() :], cut(text))


def _package(errors: str) -> str:
    """Where it stopped, if no line of the learner's own is in a traceback."""
    files = [Path(each["file"]).parts for each in _FRAME.finditer(errors)]
    if not files or "site-packages" not in files[-1][:-1]:
        return ""
    name = files[-1][files[-1].index("site-packages") + 1].removesuffix(".py")
    return f" in the package {name}, which ran your code"


def _column(rest: str, shown: str) -> int:
    """Where in a line Python's own marks stand, which it prints below the line; 0 without them."""
    _, line, marks, *_ = [*rest.split("\n"), "", ""]
    column = len(marks) - len(marks.lstrip()) - (len(line) - len(line.lstrip()))
    return column if marks and not marks.strip("^~ ") and 0 <= column < len(shown) else 0
