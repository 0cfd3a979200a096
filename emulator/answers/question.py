"""The question as it is understood: read once from the conversation, then handed down.

    small talk        taken off, as it would count as words of the question
    brevity           "in two sentences": how long the answer may be, and no word of the question
    exact reply       "reply with exactly: pong", or "read the text aloud" in the instructions
    the one before    for a question that says too little alone ("And why?")

Whoever answers (a tool, a schema, a quotation) reads it here, and ranks nothing again.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from emulator.answers.answer import Prompt
from emulator.answers.corpus import Corpus, Ranked, answering
from emulator.answers.instructions import (
    exact_reply,
    sentences_wanted,
    text_to_read,
    without_brevity,
)
from emulator.text.small_talk import find_small_talk
from emulator.text.words import content_words

# What a question refers to when it stands in an earlier one.
_LEANING = re.compile(
    r"^(?:and|but|or|what about|how about)\b|\b(?:it|its|they|them|their|there)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Question:
    """What the user said last, and what the corpus has on it.

    `text` is as it was written, `bare` without small talk and brevity; `small_talk` are its kinds
    where a message is nothing else; `before` is the bare question before it, empty where this one
    begins anew. `sentences` is how many the answer may have.
    """

    text: str
    bare: str
    before: str
    small_talk: list[str]
    exact_reply: str | None
    sentences: int
    corpus: Corpus

    @cached_property
    def ranked(self) -> Ranked:
        """What shares words with it, best first."""
        return self.corpus.rank(self.bare)

    @property
    def known(self) -> float:
        """How well the best sentence answers it, 0..1."""
        return self.ranked[0][0] if self.ranked else 0.0

    @cached_property
    def hits(self) -> Ranked:
        """What answers it; nothing if nothing does.

        A question that leans on the one before ("And where does it stand?") is read together with
        it, and so is one that nothing answers alone. What the instructions state comes before the
        corpus: a prompt with passages asks for an answer from them.
        """
        alone = answering(self.ranked)
        if not self.before or (alone and not _LEANING.search(self.bare)):
            return self.corpus.stated(alone) or alone
        together = answering(self.corpus.rank(f"{self.before} {self.bare}")) or alone
        return self.corpus.stated(together) or together

    @property
    def searched(self) -> str:
        """What file search looks for: a question that leans gets the words of the one before."""
        if not self.before or not _LEANING.search(self.bare):
            return self.text
        return f"{self.bare.rstrip(' ?.!')} {' '.join(content_words(self.before))}?"

    def best_sentence(self, wanted: str) -> str:
        """The sentence that answers the text with the words that `wanted` adds to it, if any."""
        added = wanted.removeprefix(self.text)
        hits = answering(self.corpus.rank(self.bare + added) if added else self.ranked)
        return self.corpus.sentences[hits[0][1]].text if hits else ""


def understand(prompt: Prompt, corpus: Corpus) -> Question:
    """Read the last message of the user's; the one before counts, too, unless it is small talk."""
    *earlier, text = prompt.questions or [""]
    talk = find_small_talk(text)
    others = map(find_small_talk, reversed(earlier))
    before = "" if talk.greets else next((each.rest for each in others if not each.kinds), "")
    return Question(
        text,
        without_brevity(talk.rest),
        without_brevity(before),
        talk.kinds,
        exact_reply(text) or text_to_read(prompt.instructions, prompt.questions),
        sentences_wanted([*prompt.instructions, text]) or prompt.sentences,
        corpus,
    )
