"""What people say besides their questions: greetings, thanks, goodbyes, and "that will do".

Such words stand in clauses of their own ("Good evening. May I bring my dog?"), or run into the
question where a recogniser leaves out the comma. Without them the question can be answered as if it
stood alone. A line that holds nothing else is no question: it gets a courtesy back.
"""

import re
from functools import cache

# Of phrases that begin alike the longer ones come first, as none is tried again.
_PHRASES = {
    "goodbye": r"""good[ -]?bye|bye(?:[ -]bye)?|farewell|good\ night|take\ care
        |see\ you(?:\ (?:soon|later|tomorrow|tonight|(?:on\ |next\ )?[a-z]+day))?
        |have\ a\ (?:good|nice|lovely|great|pleasant)\ [a-z]+""",
    "thanks": r"""(?:many\ )?(?:thanks|thank\ you)(?:\ (?:so\ much|very\ much|a\ lot))?
        (?:\ for\ (?:your|the|all|this|that|everything)(?:\ (?:your|the|of|this))*(?:\ [a-z]+)?)?
        |cheers|(?:you\ are|you're|that\ is|that's)\ (?:so\ |very\ )?kind""",
    "greeting": r"""hello|hi|hey|greetings|good\ (?:morning|afternoon|evening|day)
        |how\ (?:are\ you|do\ you\ do)|nice\ to\ (?:meet|speak\ to)\ you
        |(?:is\ )?any(?:body|one)\ there|are\ you\ (?:still\ )?there|can\ you\ hear\ me
        |(?:this\ is|my\ name\ is|i\ am|i'm)\ (?-i:[A-Z][\w'-]*(?:\ [A-Z][\w'-]*)?)
        (?:\ (?:speaking|calling|here))?""",
    "stop": r"""stop(?:\ (?:it|that|there|talking|speaking))?|(?:be\ )?quiet|silence|hush|shut\ up
        |(?:that\ is|that's|that\ was|that\ will\ be|that'll\ be|it\ is|it's)
        \ (?:quite\ )?(?:enough|all|fine|plenty)
        (?:\ (?:i|we)\ (?:want(?:ed)?|need(?:ed)?)(?:\ to\ know)?)?
        |enough|(?:that|this|it)(?:\ will|'ll|\ would)\ do|(?:i|we)(?:'ve|\ have)\ heard\ enough
        |no\ more|nothing\ (?:else|more)|never\ ?mind|forget\ (?:it|that)|(?:i\ am|i'm)\ done
        |wait|hold\ on|hang\ on|(?:just\ )?(?:one|a)\ (?:moment|second|minute)""",
    "aside": r"""(?:(?:i\ am|i'm|we\ are|we're)\ )?sorry(?:\ to\ (?:bother|interrupt|disturb)\ you)?
        |pardon(?:\ me)?|excuse\ me|yes|yeah|yep|no|nope|okay|ok|all\ right|alright|right|fine|good
        |great|perfect|lovely|wonderful|excellent|super|sure|of\ course|i\ see|i\ understand
        |understood|got\ it|indeed|very\ (?:good|well)""",
}
_PHRASE = "|".join(f"(?P<{kind}>{phrases})" for kind, phrases in _PHRASES.items())
_AROUND = r"""and|but|so|oh|ah|um|uh|er|well|then|now|please|just|really|too|again|there|to\ you|you
    |very|for\ (?:now|today)|sir|madam|everybody|everyone|both"""
_STEP = rf"(?:{_PHRASE}|{_AROUND})\b\W*"
_ASKS = r"""(?:(?:at\ |on\ |in\ |for\ |from\ )?(?:what|which|when|where|who|whose|why|how)
    |may|might|can|could|do|does|did|is|are|was|were|has|have|will|would|should|must
    |i|i'd|i'm|we|we'd|we're|my|our|this|there|tell)\b"""
_LED_OUT = rf"(?:\W+(?:please|{_PHRASES['thanks']}))+\W*\Z"
LONGEST, THANKS = 300, 80
"""Letters of a line that may be courtesies alone, and of thanks at its end."""
_CLAUSE = re.compile(r"[^.,;!?]+[.,;!?]*\s*|[.,;!?]+\s*")
_AGAIN = re.compile(r"\W*(?:sorry|pardon|pardon me|excuse me)\s*\?", re.IGNORECASE)

_REPLIES = {
    "thanks": "You are welcome.",
    "goodbye": "Goodbye!",
    "stop": "All right.",
    "greeting": "Hello, this is the emulator's desk: what would you like to know?",
    "aside": "What would you like to know?",
}


def courtesies(line: str) -> list[str]:
    """The kinds of courtesy that make up a line; none if it asks or tells something.

    They are `thanks`, `goodbye`, `stop` (of one who interrupts), `greeting` and `aside`.
    """
    if len(line) > LONGEST or without_courtesies(line) or _AGAIN.fullmatch(line.strip()):
        return []
    _, said = _run(line)
    return [kind for kind in _REPLIES if kind in said]


def reply_to(kinds: list[str]) -> str:
    """What is said back: to thanks and goodbye both, else to what matters most."""
    parting = [kind for kind in ("thanks", "goodbye") if kind in kinds]
    return " ".join(_REPLIES[kind] for kind in parting or kinds[:1])


def without_courtesies(line: str) -> str:
    """The line without the courtesies around what it asks; empty if it has nothing else."""
    clauses = _CLAUSE.findall(line)
    rest = "".join(clause for clause in clauses if _run(clause)[0] < len(clause))
    led_in, said = _run(rest)
    if said and _compiled(_ASKS).match(rest, led_in):
        rest = rest[led_in:]
    body, end = rest[:-THANKS], rest[-THANKS:]
    return (body + _compiled(_LED_OUT).sub("", end)).strip().rstrip(",")


def greets(line: str) -> bool:
    """Whether the line opens with a greeting, so that it begins anew."""
    return "greeting" in _run(line)[1]


def _run(text: str) -> tuple[int, set[str | None]]:
    """How far nothing but courtesies goes from the start of a text, and the kinds of them."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    start = _compiled(r"\W*").match(text)
    end, said = start.end() if start else 0, set()
    while found := _compiled(_STEP).match(text, end):
        end = found.end()
        said |= {found.lastgroup} - {None}
    return end, said


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first needed, as the emulator shall start at once."""
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)
