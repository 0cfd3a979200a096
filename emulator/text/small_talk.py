"""What people say besides their questions: greetings, thanks, "that will do", "could you tell me".

It is recognized only by phrases, and removed in three places of a line:

1. A **clause** that consists of such phrases: "Good evening. May I bring my dog?"
2. Phrases at the **start**, if the next word can begin a question. Speech recognition leaves out
   commas, as in "good evening may I bring my dog". But "good places to sit" stays.
3. Thanks and "please" at the **end**, even without a comma.

What is left is the question. If nothing is left, the answer is small talk, too. A question may
still be wrapped in a request ("could you tell me when ..."), which isn't a part of it either.
"""

import re
from dataclasses import dataclass
from functools import cache

HEARD_NOTHING = "Sorry, I did not catch that. Could you say it again?"
"""The answer to sound in which no words were found."""

# If phrases begin with the same words, the longer one comes first: the first that fits is taken.
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
_REQUEST = r"""(?:\W*(?:please|kindly|(?:can|could|would|will)\ you
    |i(?:'d|\ would|\ do)?\ (?:like|love|want|need|wish)\ (?:you\ )?to
        \ (?:know|ask|see|find\ out|understand)
    |(?:tell|show|give|explain\ to)\ (?:me|us)|let\ me\ know|do\ you\ (?:happen\ to\ )?know
    |i\ wonder|i(?:\ a|')m\ (?:looking\ for|wondering|searching\ for)|find\ out
    |(?:search|look)(?:\ (?:in|through))?(?:\ the\ \w+)?\ (?:for|up))\b)+[\s,]*"""
_QUESTION_WORDS = r"""(?:(?:what|who|which|where|when|why|how|whose)
        (?:\ (?:much|many|long|often|far|old))?
        (?:\ (?:is|are|was|were|do|does|did|has|have|had|can|could|should|will|would)\b)?
        (?:\ (?:i|we|you|one)\b)?\ +
    |(?:is|are|was|were|do|does|did|has|have|had|can|could|would|will|should|may|must)
        \ (?:there|it|i|we|one)\b\ *
    |(?:show|explain|give|find|describe|list|say|about|if|whether|that|of|the|an?)\b\ *)+"""
LONGEST, THANKS = 300, 80
"""Characters: the longest line that may be only small talk, and the longest thanks at its end."""
_CLAUSE = re.compile(r"[^.,;!?]+[.,;!?]*\s*|[.,;!?]+\s*")
_AGAIN = re.compile(r"\W*(?:sorry|pardon|pardon me|excuse me)\s*\?", re.IGNORECASE)

_REPLIES = {
    "thanks": "You are welcome.",
    "goodbye": "Goodbye!",
    "stop": "All right.",
    "greeting": "Hello, this is the emulator: what would you like to know?",
    "aside": "What would you like to know?",
}


@dataclass(frozen=True)
class SmallTalk:
    """The small talk of a line, and the rest of the line, which asks something.

    `kinds` are `thanks`, `goodbye`, `stop` (from a person who interrupts), `greeting` and `aside`.
    It is empty if the line asks something. `greets` says whether the line begins with a greeting.
    """

    kinds: list[str]
    greets: bool
    rest: str


def find_small_talk(line: str) -> SmallTalk:
    """Take a line apart. "Sorry?" asks to repeat something, so it isn't small talk."""
    _, opening = _run(line)
    rest = _without(line)
    asks = rest or len(line) > LONGEST or _AGAIN.fullmatch(line.strip())
    kinds = [] if asks else [kind for kind in _REPLIES if kind in opening]
    return SmallTalk(kinds, "greeting" in opening, rest)


def without_request(line: str) -> str:
    """What a line asks for, without small talk and "could you tell me"; never empty."""
    rest = find_small_talk(line).rest
    return rest[_length(_REQUEST, rest) :] or rest or line


def rewrite(question: str) -> str:
    """A question as a search query: without the words that only ask. OpenAI uses a model."""
    asked = without_request(question).rstrip(" .!?")
    return asked[_length(_QUESTION_WORDS, asked) :] or asked or question


def reply_to(kinds: list[str]) -> str:
    """The reply: to thanks and goodbye to both of them, otherwise to the first kind."""
    parting = [kind for kind in ("thanks", "goodbye") if kind in kinds]
    return " ".join(_REPLIES[kind] for kind in parting or kinds[:1])


def _without(line: str) -> str:
    """The line without small talk: whole clauses first, then at the start, then at the end."""
    clauses = _CLAUSE.findall(line)
    rest = "".join(clause for clause in clauses if _run(clause)[0] < len(clause))
    led_in, said = _run(rest)
    if said and _compiled(_ASKS).match(rest, led_in):
        rest = rest[led_in:]
    body, end = rest[:-THANKS], rest[-THANKS:]
    return (body + _compiled(_LED_OUT).sub("", end)).strip().rstrip(",")


def _run(text: str) -> tuple[int, set[str | None]]:
    """How long the small talk at the start of a text is, and its kinds."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    end, said = _length(r"\W*", text), set()
    while found := _compiled(_STEP).match(text, end):
        end = found.end()
        said |= {found.lastgroup} - {None}
    return end, said


def _length(pattern: str, text: str) -> int:
    """The length of what a pattern finds at the start of a text."""
    found = _compiled(pattern).match(text)
    return found.end() if found else 0


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first needed, so that the emulator starts at once."""
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)
