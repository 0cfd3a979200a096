"""From a prompt to the answer: the question is read, then tools, a schema or the corpus answer it.

    understand(prompt, corpus)   the question, once
    tools.calls_for              calls, if the question asks for what a tool does
    search, then cited.draw      with file search, unless it is small talk: from what that finds
    fill                         with a schema: a value for it
    tools.report                 after calls: what the tools gave back
    quoted                       else: sentences that the prompt or the corpus has, or small talk

The first in this order that applies makes the answer.
"""

from dataclasses import replace
from datetime import date

from emulator.answers import tools
from emulator.answers.answer import Answer, Call, Prompt, Search, shape
from emulator.answers.corpus import Corpus
from emulator.answers.question import Question, understand
from emulator.answers.quote import quoted
from emulator.structured.fill import Sources, fill
from emulator.wire import tokens
from emulator.wire.sse import compact

# How many of the best sentences are read before the answer, by the effort asked for: what the
# emulator counts as reasoning are their tokens.
READ = {"none": 0, "minimal": 1, "low": 2, "medium": 4, "high": 8, "xhigh": 16, "max": 32}


def answer(
    prompt: Prompt,
    corpus: Corpus,
    variant: int = 0,
    today: date | None = None,
    search: Search | None = None,
    question: Question | None = None,
) -> Answer:
    """Answer the latest question; `variant` k leads with the k-th best sentence.

    With `search` the answer is drawn from what that finds, and cites it. For several
    answers the `question` is understood once, and handed over.
    """
    question = question or understand(prompt, corpus)
    outputs = tools.outputs(prompt)
    facts = [output for _, output in outputs]
    sources = Sources(question.text, facts, question.best_sentence, today or date.today())
    reasoning = _reasoning(prompt, question)
    if prompt.tools and (calls := tools.calls_for(prompt, question, sources)):
        return _within(calls, prompt, reasoning)
    asks_files = prompt.must_search or not (question.small_talk or question.recalled)
    if search is not None and not outputs and question.exact_reply is None and asks_files:
        return _drawn(prompt, question, sources, search, reasoning)
    # A schema comes before an exact reply, as the answer has to be valid by it.
    if prompt.schema is not None:
        text = _filled(prompt, sources)
    elif outputs:
        text = tools.report(outputs, names_tools=prompt.names_sources)
    elif question.exact_reply is not None:
        text = question.exact_reply
    else:
        # What can be asked of files that a search may read isn't known here.
        names_sources = prompt.names_sources and search is None
        text = quoted(question, variant, names_sources=names_sources)
    return shape(text, prompt, reasoning)


def _drawn(
    prompt: Prompt, question: Question, sources: Sources, search: Search, reasoning: int
) -> Answer:
    """From passages that are searched for; a schema is filled from them, too."""
    # Imported here, as NumPy would double the time in which the emulator starts.
    from emulator.answers.cited import draw

    found = search([question.searched])
    pieces, citations = draw(question.asked, found, question.sentences, question.words_before)
    text = "".join(pieces)
    if prompt.schema is not None:
        filled = _filled(prompt, replace(sources, quote=lambda _: text))
        return replace(shape(filled, prompt, reasoning), found=found)
    kept = shape(text, prompt, reasoning)
    cut = [each for each in citations if each.index <= len(kept.text)]
    # Pieces that were not cut stay as they are, since they end where a citation stands.
    whole = kept if len(kept.text) < len(text) else replace(kept, pieces=pieces)
    return replace(whole, found=found, citations=cut)


def _filled(prompt: Prompt, sources: Sources) -> str:
    return compact(fill(prompt.schema or {}, sources).value)


def _reasoning(prompt: Prompt, question: Question) -> int:
    if not READ[prompt.effort] or question.exact_reply is not None:
        return 0
    read = question.ranked[: READ[prompt.effort]]
    return sum(tokens.count(question.corpus.sentences[place].text) for _, place in read)


def _within(calls: list[Call], prompt: Prompt, reasoning: int) -> Answer:
    """The calls, within the length that is left for them: one that does not fit is cut off."""
    if prompt.max_tokens is None:
        return Answer([], "tool_calls", calls, reasoning)
    reasoning = min(reasoning, prompt.max_tokens)
    left = prompt.max_tokens - reasoning
    kept: list[Call] = []
    for call in calls:
        # A name is whole or not there; arguments may break off.
        left -= tokens.count(call.name)
        if left <= 0:
            return Answer([], "length", kept, reasoning)
        kept.append(Call(call.name, "".join(call.pieces[:left]), call.id))
        left -= len(call.pieces)
        if left < 0:
            return Answer([], "length", kept, reasoning)
    return Answer([], "tool_calls", kept, reasoning)
