"""The question as it is understood: read once from the conversation, then handed down.

    small talk        taken off, as it would count as words of the question
    brevity           "in two sentences": how long the answer may be, and no word of the question
    exact reply       "reply with exactly: pong", or "read the text aloud" in the instructions
    passages          those that the prompt brings along come before the corpus
    what was said     "My name is Ana." answers "What is my name?"
    the one before    for a question that leans on it ("And why?", "What time was that?")

Instructions are the question themselves where nobody has said anything since they were given.
Tools, schemas and quotations all read it here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from emulator.answers.answer import INSTRUCTION_ROLES, Prompt
from emulator.answers.corpus import GOES_ON, Corpus, Ranked, if_enough
from emulator.answers.given import (
    given_corpus,
    is_all_there_is,
    passages_before,
    question_and_passages,
    recalled,
)
from emulator.answers.instructions import (
    exact_reply,
    question_in_orders,
    reply_to_orders,
    sentences_wanted,
    text_to_read,
    without_brevity,
)
from emulator.retrieval.quotes import Quote
from emulator.text.sentences import ending
from emulator.text.small_talk import SmallTalk, find_small_talk
from emulator.text.words import content_words, terms

# What refers to an earlier question is such a beginning, or a pronoun in a question of few words. A
# longer one mostly says itself what its pronouns stand for.
_REFERS = re.compile(
    r"""\b(?:it|its|they|them|their|he|she|him|her|his|one|ones|those|these)\b
    |(?<!\bis\ )(?<!\bare\ )(?<!\bwas\ )(?<!\bwere\ )\bthere\b(?!\ (?:is|are|was|were)\b)
    |\b(?:that|this)\b(?=\W*$)|\b(?:is|was|are|does|did|of|about|than)\ (?:that|this)\b(?!\ \w)
    |\b(?:that|this)\ (?:is|was|for|cost|mean)""",
    re.IGNORECASE | re.VERBOSE,
)
_PREPOSITION = re.compile(r"\b(?:for|in|on|at|with|by|from)\b", re.IGNORECASE)
_PHRASE = r"(?:(?:the|a|an|my|our|your) )?[\w'-]+"
FEW = 4
LONGEST = 1_000
"""Characters of a question. Of a longer text without one, the end is what is asked."""


@dataclass(frozen=True)
class Question:
    """What the user said last, and what there is to answer it.

    `text` is as it was written, `bare` without small talk and brevity; `small_talk` are its kinds
    where a message is nothing else; `before` are the bare questions that it leans on, empty where
    it begins anew. `sentences` is how many the answer may have. `given` holds what the prompt
    brings along; `is_given_alone` says that nothing else may be quoted. `recalled` is what the user
    said earlier that answers it.
    """

    text: str
    bare: str
    before: str
    small_talk: list[str]
    exact_reply: str | None
    sentences: int
    corpus: Corpus
    given: Corpus | None = None
    is_given_alone: bool = False
    recalled: str = ""

    @property
    def sources(self) -> list[Corpus]:
        """What may be quoted, in this order."""
        given = [self.given] if self.given else []
        return given if self.is_given_alone and given else [*given, self.corpus]

    @cached_property
    def ranked(self) -> Ranked:
        """What in the corpus shares words with it, best first."""
        return self.corpus.rank(self.bare)

    @property
    def known(self) -> float:
        """How well the best sentence answers it, 0..1."""
        return self.ranked[0][0] if self.ranked else 0.0

    @property
    def asked(self) -> str:
        """What is looked for; a question that leans counts as one, whatever stands in it."""
        return re.sub(r"[?.!;]+\s+", ", ", self.bare).rstrip(" ?.!") if self.before else self.bare

    @property
    def words_before(self) -> str:
        """The words of the questions before that this one leans on.

        What it says anew takes the place of the like: "in summer" that of "in winter".
        """
        before = self.before
        for preposition in dict.fromkeys(map(str.lower, _PREPOSITION.findall(self.bare))):
            before = re.sub(rf"\b{preposition} {_PHRASE}", "", before, flags=re.IGNORECASE)
        return " ".join(content_words(before))

    @property
    def searched(self) -> str:
        """Both, as a query of file search."""
        return f"{self.asked} {self.words_before}?" if self.before else self.bare

    def answering(self, variant: int = 0) -> list[Quote]:
        """The quotes that answer it; none if nothing does."""
        asked = (self.asked, self.sentences, variant, self.words_before)
        return next(filter(None, (each.answering(*asked) for each in self.sources)), [])

    def best_sentence(self, wanted: str) -> str:
        """The sentence that answers the text with the words that `wanted` adds to it, if any."""
        added = wanted.removeprefix(self.text)
        for source in self.sources:
            is_known = source is self.corpus and not added
            hits = if_enough(self.ranked if is_known else source.rank(self.bare + added))
            if hits:
                return source.sentences[hits[0][1]].text
        return ""


def understand(prompt: Prompt, corpus: Corpus) -> Question:
    """Read the last message of the user's, or the instructions where they are newer."""
    *earlier, latest = prompt.questions or [""]
    reply = None
    if _is_answered(prompt) and prompt.instructions:
        newest = prompt.instructions[-1]
        reply = reply_to_orders(newest)
        latest = question_in_orders(newest) or latest
    text, passages = question_and_passages(latest)
    talk = find_small_talk(ending(text, LONGEST))
    bare = without_brevity(talk.rest)
    brought = [passages, *passages_before(earlier)]
    given = [*prompt.instructions, *filter(None, brought)]
    return Question(
        latest,
        bare,
        "" if talk.greets or not leans(bare) else " ".join(_before(earlier)),
        talk.kinds if prompt.questions or latest else ["greeting"] * bool(prompt.instructions),
        reply or exact_reply(text) or text_to_read(prompt.instructions, prompt.questions),
        sentences_wanted([*prompt.instructions, text]) or prompt.sentences,
        corpus,
        given_corpus(tuple(given)) if given else None,
        is_all_there_is(given),
        recalled(bare, earlier, text),
    )


def leans(question: str) -> bool:
    """Whether a question says too little without the one before."""
    asked = terms(question)
    is_short = len(asked) <= FEW
    return not asked or bool(GOES_ON.match(question) or (is_short and _REFERS.search(question)))


def _before(earlier: Sequence[str]) -> list[str]:
    """The question before, and those that it leans on itself, in order; small talk is none."""
    endings = (ending(text, LONGEST) for text in reversed(earlier))
    return list(reversed(list(_backwards(map(find_small_talk, endings)))))


def _backwards(talks: Iterator[SmallTalk]) -> Iterator[str]:
    for talk in talks:
        if not talk.kinds:
            yield (bare := without_brevity(talk.rest))
            if not leans(bare):
                break


def _is_answered(prompt: Prompt) -> bool:
    """Whether nobody has said anything that waits for an answer."""
    said = [message for message in prompt.turn if message.role not in INSTRUCTION_ROLES]
    return not prompt.questions or bool(said and said[-1].role == "assistant" and said[-1].text)
