"""Each rule of the emulator that reads a text of somebody else's, as a function of that text alone.

A caller may send any text, so each of these has to read it in linear time. What is a rule here is a
function of one of the rooms `text/`, `wire/`, `structured/`, `answers/`, `retrieval/` and `voice/`.
"""

import contextlib
import datetime

from emulator.answers import given, instructions, question, tools
from emulator.answers.answer import Message, Prompt, SearchOutcome, Tool
from emulator.answers.cited import draw
from emulator.answers.corpus import read_corpus
from emulator.answers.reply import answer
from emulator.retrieval import chunking, quotes
from emulator.retrieval.file_text import Unreadable, read_text
from emulator.structured import dates, extract, facts, hints
from emulator.structured.fill import Sources, fill
from emulator.structured.patterns import compiled
from emulator.structured.validate import is_format
from emulator.text import markdown, sentences, small_talk, spoken_json, words
from emulator.voice import pronounce
from emulator.wire import reasons, tokens

CORPUS = read_corpus()
TODAY = datetime.date(2026, 11, 28)
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
# A property for each kind of value that is looked for in a text.
BOOKING = {
    "type": "object",
    "properties": {
        name: {"type": "string"} for kind in hints.KINDS.values() for name in kind.split()[:1]
    }
    | {name: {"type": "number"} for name in ("count", "price", "hour")}
    | {name: {"type": "array", "items": {"type": "string"}} for name in ("names", "points")}
    | {"mode": {"enum": ["fast", "slow", 3]}, "is_member": {"type": "boolean"}},
}


def annotated(text):
    return extract.AnnotatedText(text, TODAY)


def asked(text, **options):
    return Prompt([Message("user", text)], **options)


def drawn(text, said="The dome is open on Friday. The shop is shut."):
    result = {"file_id": "file-1", "filename": "a.md", "score": 0.9, "text": said}
    return draw(text, SearchOutcome([text], [result | {"attributes": {}}]), 3)


def read(name):
    def rule(text):
        with contextlib.suppress(Unreadable):
            read_text(name, text.encode())

    return rule


RULES = {
    "sentences": sentences.sentences,
    "clauses": lambda text: list(sentences.clauses(text)),
    "spoken pieces": sentences.spoken_pieces,
    "small talk": small_talk.find_small_talk,
    "rewrite": small_talk.rewrite,
    "terms": words.terms,
    "words of": words.words_of,
    "markdown": markdown.blocks,
    "spoken json": lambda text: spoken_json.spoken_json({text[:50]: text}),
    "tokens": tokens.split,
    "reasons": reasons.reason_in,
    "first words": reasons.first_words,
    "dates": lambda text: dates.dates(text, TODAY),
    "times": dates.times,
    "durations": dates.durations,
    "numbers": dates.numbers,
    "listed": lambda text: extract.listed(annotated(text), hints.Hint()),
    "pieces": lambda text: list(extract.pieces(annotated(text))),
    "options": lambda text: extract.options(annotated(text), ["a", "b c", 3]),
    "facts": facts.read,
    "fill": lambda text: fill(BOOKING, Sources(text)),
    "pattern": lambda text: compiled(r"^(\w+\s?)+$").search(text[:9000]),
    "format": lambda text: [is_format(text, form) for form in ("email", "uri", "duration")],
    "exact reply": instructions.exact_reply,
    "orders": instructions.reply_to_orders,
    "question in orders": instructions.question_in_orders,
    "text to read": lambda text: instructions.text_to_read([text], [text]),
    "sentences wanted": lambda text: instructions.sentences_wanted([text]),
    "brevity": instructions.without_brevity,
    "statements": lambda text: list(given.statements(text)),
    "passages": given.question_and_passages,
    "all there is": lambda text: given.is_all_there_is([text]),
    "recalled": lambda text: given.recalled("What is my name?", [text]),
    "leans": question.leans,
    "fit": lambda text: tools.fit(Tool("book_slot", text, CITY), text),
    "report": lambda text: tools.report([(None, text)], names_tools=True),
    "calls": lambda text: answer(asked(text, tools=[Tool("weather_in", "", CITY)]), CORPUS),
    "answer": lambda text: answer(asked(text), CORPUS),
    "instructions": lambda text: answer(Prompt([Message("system", text)]), CORPUS),
    "question": drawn,
    "passage": lambda text: drawn("When is the dome open?", text),
    "quotes": lambda text: list(quotes.quotes(text)),
    "chunks": chunking.chunk,
    "text file": read("a.txt"),
    "web page": read("a.html"),
    "pronounced": pronounce.spoken,
}
