"""Which tool a question calls for, with which arguments; and a report of what tools gave back.

A question may ask for several things ("the weather in Paris and the time in Tokyo"), so it is cut
into clauses. Each goes to the tool that fits it best, if one fits well enough (`fit`). A clause for
another tool than the one before begins a request of its own. So does one for the same tool, if both
say all that the tool needs ("in Paris, in Rome"); else it adds to the request before it ("for two,
on Friday"). A request becomes a call, unless it merely asks something ("how do I book a slot?") and
leaves most of the arguments open.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from emulator.answers.answer import Call, Prompt, Tool
from emulator.answers.question import Question
from emulator.structured.fill import Filled, Sources, fill
from emulator.text.sentences import clauses, ends
from emulator.text.small_talk import find_small_talk
from emulator.text.spoken_json import spoken_json
from emulator.text.words import terms
from emulator.wire.sse import compact

_IDENTIFIER = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# A clause that asks for information, rather than for something to be done.
_ASKS = re.compile(
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
# Words that many names begin with, so that they say nothing of what a tool is for.
_ANY_TOOL = frozenset(
    terms("get fetch find look lookup search make run call use set create execute tool function")
)
IN_NAME, IN_DESCRIPTION, IN_PARAMETERS = 1.0, 0.5, 0.25
LONGEST, MOST_CLAUSES = 4_000, 40
ENOUGH, WELL_KNOWN, NEAR = 1.0, 0.8, 0.45
"""The fit that calls a tool; the score of a question that needs none; the cosine of one meaning."""

RankTools = Callable[[str], Sequence[tuple[float, Tool]]]
"""For some words the tools of the prompt, each with how well it fits, best first."""


@dataclass(frozen=True)
class ToolRequest:
    """Clauses that call for a tool: their words and where they start; `asks` if they only ask."""

    tool: Tool
    start: int
    words: str
    asks: bool
    sources: Sources

    @cached_property
    def filled(self) -> Filled:
        """The arguments that the words give: made once, as three decisions depend on them."""
        return fill(self.tool.parameters, replace(self.sources, prompt=self.words))

    @property
    def is_complete(self) -> bool:
        """Whether its words say all that the tool needs."""
        return bool(self.tool.parameters.get("required")) and not self.filled.missing

    @property
    def is_vague(self) -> bool:
        return len(self.filled.missing) > len(self.tool.parameters.get("required") or ()) / 2


def calls_for(prompt: Prompt, question: Question, sources: Sources) -> list[Call]:
    """The calls that the question asks for and that have not been made in this turn.

    If a tool has to be called and none is asked for, the one that fits best is filled from all
    sources: from facts and the corpus, too.
    """

    # Cached, as a question mostly is its only clause.
    @cache
    def rank(words: str) -> list[tuple[float, Tool]]:
        weighed = [(fit(tool, words), tool) for tool in prompt.tools]
        return sorted(weighed, key=lambda each: -each[0])

    made = [(call.name, parsed(call.arguments)) for m in prompt.turn for call in m.calls]
    asked = replace(sources, facts=(), quote=lambda question: "")
    requests = [] if _is_answered(question, rank) else _requests(asked, rank)
    wanted = [each for each in requests if not (each.asks and each.is_vague)]
    calls = [Call(each.tool.name, compact(each.filled.value)) for each in wanted]
    calls = [call for call in calls if (call.name, parsed(call.arguments)) not in made]
    if not calls and prompt.must_call:
        names = {name for name, _ in made}
        tools = [tool for _, tool in rank(question.text)]
        best = next((tool for tool in tools if tool.name not in names), tools[0])
        calls = [Call(best.name, compact(fill(best.parameters, sources).value))]
    unique = list({(call.name, call.arguments): call for call in calls}.values())
    return unique if prompt.parallel else unique[:1]


def fit(tool: Tool, words: str) -> float:
    """How well a tool fits: by words shared with its name, less by those with what describes it.

    A tool whose meaning is near fits as well as one whose name has the word; so does one for
    expressions if the words hold a sum.
    """
    wanted = terms(words)
    # Each word counts once, where it says most.
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


def _is_answered(question: Question, rank: RankTools) -> bool:
    """Whether the corpus answers it well, and no tool shares more than a word or two with it."""
    bare = question.bare
    return question.known >= WELL_KNOWN and rank(bare)[0][0] < len(terms(bare)) / 2


def _nearness(tool: Tool, words: str) -> float:
    """The cosine of the two meanings."""
    # Imported here, as NumPy would double the time in which the emulator starts.
    from emulator.retrieval.embedding import embed

    name = " ".join(_IDENTIFIER.findall(tool.name))
    asked, offered = embed([words, f"{name}. {tool.description}"])
    return float(asked @ offered)


def _requests(sources: Sources, rank: RankTools) -> list[ToolRequest]:
    """The clauses that call for a tool; those that say too little alone join the one before."""
    requests: list[ToolRequest] = []
    text = ends(sources.prompt, LONGEST)
    parts = list(clauses(text))
    # Each clause is compared with what stands before it: a text of very many is read as a whole.
    for start, end in parts if len(parts) <= MOST_CLAUSES else [(0, len(text))]:
        clause = text[start:end]
        bare = find_small_talk(clause).rest
        tool = next((tool for fits, tool in rank(bare) if fits >= ENOUGH), None) if bare else None
        asks = _ASKS.match(bare) is not None
        last = requests[-1] if requests else None
        if last is None or (tool and tool != last.tool):
            requests += [ToolRequest(tool, start, clause, asks, sources)] if tool else []
            continue
        # For the same tool, or for none: another request like the last, or the rest of that.
        following = ToolRequest(last.tool, start, f"and {clause}", asks, sources)
        if last.is_complete and following.is_complete:
            requests.append(following)
        else:
            asks = last.asks and (asks or not tool)
            requests[-1] = replace(last, words=text[last.start : end], asks=asks)
    # What stands around the only request may fill it, too: "This is Anna. Book a slot."
    return [replace(requests[0], words=text)] if len(requests) == 1 else requests


def _parameter_words(tool: Tool) -> Iterator[str]:
    for name, schema in (tool.parameters.get("properties") or {}).items():
        yield from _IDENTIFIER.findall(name)
        if isinstance(schema, dict):
            yield str(schema.get("description", ""))
            yield " ".join(map(str, schema.get("enum", ())))


# ------------------------------------------------------------ what tools gave back


def outputs(prompt: Prompt) -> list[tuple[Call | None, object]]:
    """What the tools of this turn gave back, each beside its call; parsed where it is JSON."""
    calls = {call.id: call for message in prompt.turn for call in message.calls}
    given = [m for m in prompt.turn if m.role == "tool"]
    return [(calls.get(m.call_id or ""), parsed(m.text)) for m in given]


def report(given: Sequence[tuple[Call | None, object]], *, names_tools: bool) -> str:
    """A sentence for each output: by the tool's name, or as it is spoken.

    Outputs of the same tool are told apart by what its calls were given.
    """
    # An output whose call is not in the conversation has no name, and nothing it was given.
    names = [call.name if call else "" for call, _ in given]
    sentences = []
    for call, output in given:
        arguments = parsed(call.arguments) if call and names.count(call.name) > 1 else {}
        values = list(arguments.values()) if isinstance(arguments, dict) else [arguments]
        if names_tools:
            which = f" ({', '.join(map(str, values))})" if values else ""
            name = call.name if call else "The tool"
            sentences.append(f"{name}{which} says: {_in_words(output).rstrip('.')}.")
        else:
            which = f"{spoken_json(values).rstrip('.')}: " if values else ""
            sentences.append(which + spoken_json(output))
    return " ".join(sentences)


def parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


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
