"""Which tool a question calls for, with which arguments; and how what a tool gave back is told.

A tool fits a question by the words of its name, its description and its parameters. A question may
ask for several things ("the weather in Paris and the time in Tokyo"): each clause that stands on
its own makes a call of its own.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from emulator.answers.answer import Call, Prompt, Tool
from emulator.structured.fill import Sources, fill
from emulator.text.small_talk import without_courtesies
from emulator.text.spoken import aloud
from emulator.text.words import terms

_IDENTIFIER = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_BETWEEN = re.compile(
    r"(?:[?!;,]|\.(?!\d))\s+(?:and\s+)?(?:then\s+)?|\s+(?:and|then|also|plus)\s+(?:then\s+|also\s+)?",
    re.IGNORECASE,
)
# A clause that wants to know something, rather than to have something done.
_WONDERS = re.compile(
    r"""(?:(?:and|or|so|but|then|also|please)\ )*
    (?:(?:(?:can|could|would|will)\ you\ (?:please\ )?)?(?:tell|show|explain|say)
    (?:\ to)?(?:\ me|\ us)?
    |(?:i'd|i\ would)\ (?:like|love)\ to\ (?:know|ask)|i\ (?:want|need)\ to\ (?:know|ask)
    |do\ you\ know|i\ wonder)?[ ,]*
    (?:(?:(?:at|by|for|from|in|of|on|to|until|with)\ )?
    (?:what|which|when|where|who|whom|whose|why|how|if|whether)
    |(?:is|are|was|were|am|do|does|did|has|have|should|shall|must|may|might)
    |(?:can|could|will|would)(?!\ you\ (?!be\b|have\b)))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ARITHMETIC = re.compile(r"\d\s*[-+*/^]\s*\(*\d")
# Words that many names begin with, and that so tell nothing of what a tool is for.
_ANY_TOOL = frozenset(
    terms("get fetch find look lookup search make run call use set create execute tool function")
)
IN_NAME, IN_DESCRIPTION, IN_PARAMETERS = 1.0, 0.5, 0.25
ENOUGH, WELL_KNOWN, NEAR = 1.0, 0.8, 0.45


@dataclass(frozen=True)
class _Wish:
    """A clause of the question, and the tool that it calls for; it may only want to know."""

    tool: Tool
    start: int
    words: str
    wonders: bool


def calls_for(prompt: Prompt, sources: Sources, known: float) -> list[Call]:
    """The calls that the question asks for and that have not been made in this turn.

    `known` (0..1) is how well the corpus answers it by itself: a tool that shares but a word or two
    with such a question is left alone, and so is one of which it does not say most of what the tool
    needs to know, unless it wants something done.
    """
    made = [(call.name, _parsed(call.arguments)) for m in prompt.turn for call in m.calls]
    names = {name for name, _ in made}
    asked = replace(sources, facts=(), quote=lambda question: "")
    wishes = [] if _is_answered(prompt, sources, known) else _wishes(prompt, asked)
    wishes = [wish for wish in wishes if not (wish.wonders and _is_vague(wish, asked))]
    calls = [_call(wish.tool, replace(asked, prompt=wish.words)) for wish in wishes]
    calls = [call for call in calls if (call.name, _parsed(call.arguments)) not in made]
    if not calls and prompt.must_call:
        rest = [tool for tool in prompt.tools if tool.name not in names] or prompt.tools
        question = sources.prompt
        best = max(rest, key=lambda tool: fit(tool, question))
        calls = [_call(best, sources)]
    unique = list({(call.name, call.arguments): call for call in calls}.values())
    return unique if prompt.parallel else unique[:1]


def fit(tool: Tool, words: str) -> float:
    """How well a tool fits: by words shared with its name, less by those with what describes it.

    One whose meaning is near fits as well as one whose name has the word.
    """
    wanted = terms(words)
    name = terms(" ".join(_IDENTIFIER.findall(tool.name))) - _ANY_TOOL
    described = terms(tool.description) - name
    parameters = terms(" ".join(_parameter_words(tool))) - name - described
    is_sum = "expression" in name | described | parameters and _ARITHMETIC.search(words)
    return (
        bool(is_sum)
        + (_nearness(tool, words) >= NEAR)
        + IN_NAME * len(wanted & name)
        + IN_DESCRIPTION * len(wanted & described)
        + IN_PARAMETERS * len(wanted & parameters)
    )


def _is_answered(prompt: Prompt, sources: Sources, known: float) -> bool:
    question = without_courtesies(sources.prompt)
    wanted = terms(question)
    best = max(fit(tool, question) for tool in prompt.tools)
    return known >= WELL_KNOWN and best < len(wanted) / 2


def _nearness(tool: Tool, words: str) -> float:
    """The cosine of the two meanings."""
    # Imported here, as NumPy would double the time in which the emulator starts.
    from emulator.retrieval.embedding import embed

    name = " ".join(_IDENTIFIER.findall(tool.name))
    asked, offered = embed([words, f"{name}. {tool.description}"])
    return float(asked @ offered)


def outputs(prompt: Prompt) -> list[tuple[Call | None, str]]:
    """What the tools of this turn gave back, each beside its call."""
    calls = {call.id: call for message in prompt.turn for call in message.calls}
    return [(calls.get(m.call_id or ""), m.text) for m in prompt.turn if m.role == "tool"]


def facts(prompt: Prompt) -> list[object]:
    """The same as values: parsed where they are JSON."""
    return [_parsed(text) for _, text in outputs(prompt)]


def told(prompt: Prompt) -> str | None:
    """A sentence for each output of this turn, in words where it is for the ear; None without."""
    given = outputs(prompt)
    names = [call.name if call else "" for call, _ in given]
    tell = _sentence if prompt.names_sources else _spoken
    return " ".join(tell(call, text, names) for call, text in given) if given else None


def _wishes(prompt: Prompt, sources: Sources) -> list[_Wish]:
    """The clauses that call for a tool; those that cannot stand alone join the one before."""
    wishes: list[_Wish] = []
    for start, end in _clauses(sources.prompt):
        clause = sources.prompt[start:end]
        bare = without_courtesies(clause)
        tool = _best(prompt.tools, bare) if bare else None
        wonders = _WONDERS.match(bare) is not None
        last = wishes[-1] if wishes else None
        if last is None or (tool and tool != last.tool):
            wishes += [_Wish(tool, start, clause, wonders)] if tool else []
            continue
        following = _Wish(last.tool, start, f"and {clause}", wonders)
        if all(_stands_alone(wish, sources) for wish in (last, following)):
            wishes.append(following)
        else:
            wonders = last.wonders and (wonders or not tool)
            words = sources.prompt[last.start : end]
            wishes[-1] = replace(last, words=words, wonders=wonders)
    if len(wishes) == 1:
        return [replace(wishes[0], words=sources.prompt)]
    return wishes


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    """Where each clause starts and ends."""
    start = 0
    for gap in _BETWEEN.finditer(text):
        if gap.start() > start:
            yield start, gap.start()
        start = gap.end()
    if start < len(text):
        yield start, len(text)


def _best(tools: Sequence[Tool], words: str) -> Tool | None:
    fits = [fit(tool, words) for tool in tools]
    best = max(fits, default=0.0)
    return tools[fits.index(best)] if best >= ENOUGH else None


def _stands_alone(wish: _Wish, sources: Sources) -> bool:
    """Whether the clause by itself says all that the tool must know."""
    if not wish.tool.parameters.get("required"):
        return False
    return not fill(wish.tool.parameters, replace(sources, prompt=wish.words)).missing


def _is_vague(wish: _Wish, sources: Sources) -> bool:
    """Whether the clause leaves open most of what the tool must know."""
    required = wish.tool.parameters.get("required") or ()
    if not required:
        return False
    missing = fill(wish.tool.parameters, replace(sources, prompt=wish.words)).missing
    return len(missing) > len(required) / 2


def _call(tool: Tool, sources: Sources) -> Call:
    arguments = fill(tool.parameters, sources).value
    return Call(tool.name, json.dumps(arguments, ensure_ascii=False, separators=(",", ":")))


def _parameter_words(tool: Tool) -> Iterator[str]:
    for name, schema in (tool.parameters.get("properties") or {}).items():
        yield from _IDENTIFIER.findall(name)
        if isinstance(schema, dict):
            yield str(schema.get("description", ""))
            yield " ".join(map(str, schema.get("enum", ())))


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _sentence(call: Call | None, text: str, names: Sequence[str]) -> str:
    name = call.name if call else "The tool"
    if call and names.count(call.name) > 1:
        given = _parsed(call.arguments)
        values = given.values() if isinstance(given, dict) else [given]
        name += f" ({', '.join(map(str, values))})"
    return f"{name} says: {_in_words(_parsed(text)).rstrip('.')}."


def _spoken(call: Call | None, text: str, names: Sequence[str]) -> str:
    """The same without the tool's name; of several calls each begins with what it was given."""
    said = aloud(_parsed(text))
    if call and names.count(call.name) > 1:
        given = _parsed(call.arguments)
        values = list(given.values()) if isinstance(given, dict) else [given]
        return f"{aloud(values).rstrip('.')}: {said}"
    return said


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{key.replace('_', ' ')} {_in_words(item)}" for key, item in value.items()
        )
    if isinstance(value, list):
        return ", ".join(map(_in_words, value)) or "nothing"
    if isinstance(value, str):
        return value or "nothing"
    return json.dumps(value)
