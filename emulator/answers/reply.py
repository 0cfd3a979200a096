"""From what is asked to the answer: a tool is called, a schema filled, or sentences are quoted."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from emulator.answers import tools
from emulator.answers.answer import Answer, Call, Prompt, Search, shape
from emulator.answers.instructions import exact_reply
from emulator.answers.quote import Corpus, most_sentences, quoted
from emulator.structured.fill import Sources, fill
from emulator.wire import tokens

# How many of the best sentences are read before the answer, by the effort asked for: what the
# emulator counts as reasoning are their tokens.
READ = {"none": 0, "minimal": 1, "low": 2, "medium": 4, "high": 8, "xhigh": 16, "max": 32}


def answer(
    prompt: Prompt,
    corpus: Corpus,
    variant: int = 0,
    today: date | None = None,
    search: Search | None = None,
) -> Answer:
    """Answer the latest question; `variant` k leads with the k-th best sentence.

    With `search` the answer is drawn from what that finds, and cites it.
    """
    corpus = corpus.with_told(prompt.instructions)
    question = prompt.questions[-1] if prompt.questions else ""
    told, exact = tools.told(prompt), exact_reply(question)
    sources = Sources(question, tools.facts(prompt), corpus.best_sentence, today or date.today())
    reasoning = _reasoning(prompt, question, corpus) if exact is None else 0
    if prompt.tools and (calls := tools.calls_for(prompt, sources, corpus.knows(question))):
        return _within(calls, prompt, reasoning)
    if search is not None and told is None and exact is None:
        return _drawn(prompt, sources, search, reasoning)
    if prompt.schema is not None:
        text = _filled(prompt.schema, sources)
    elif told is not None:
        text = told
    else:
        text = quoted(prompt, corpus, variant) if exact is None else exact
    return shape(text, prompt, reasoning)


def _drawn(prompt: Prompt, sources: Sources, search: Search, reasoning: int) -> Answer:
    """From passages that are searched for; a schema is filled from them, too."""
    # Imported here, as NumPy would double the time in which the emulator starts.
    from emulator.answers.cited import draw

    found = search([sources.prompt])
    pieces, citations = draw(sources.prompt, found, most_sentences(prompt))
    if prompt.schema is not None:
        text = "".join(pieces)
        filled = _filled(prompt.schema, replace(sources, quote=lambda _: text))
        return replace(shape(filled, prompt, reasoning), found=found)
    kept = shape("".join(pieces), prompt, reasoning)
    is_cut = len(kept.text) < sum(map(len, pieces))
    cut = [each for each in citations if each.index <= len(kept.text)]
    whole = kept if is_cut else replace(kept, pieces=pieces)
    return replace(whole, found=found, citations=cut)


def _filled(schema: Mapping[str, Any], sources: Sources) -> str:
    value = fill(schema, sources).value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _reasoning(prompt: Prompt, question: str, corpus: Corpus) -> int:
    if not READ[prompt.effort]:
        return 0
    read = corpus.rank(question)[: READ[prompt.effort]]
    return sum(tokens.count(corpus.sentences[place].text) for _, place in read)


def _within(calls: list[Call], prompt: Prompt, reasoning: int) -> Answer:
    """The calls, within the length that is left for them: one that does not fit is cut off."""
    if prompt.max_tokens is None:
        return Answer([], "tool_calls", calls, reasoning)
    reasoning = min(reasoning, prompt.max_tokens)
    left = prompt.max_tokens - reasoning
    kept: list[Call] = []
    for call in calls:
        left -= tokens.count(call.name)
        if left <= 0:
            return Answer([], "length", kept, reasoning)
        kept.append(Call(call.name, "".join(call.pieces[:left]), call.id))
        left -= len(call.pieces)
        if left < 0:
            return Answer([], "length", kept, reasoning)
    return Answer([], "tool_calls", kept, reasoning)
