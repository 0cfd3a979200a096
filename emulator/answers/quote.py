"""An answer in the corpus's own sentences, or a word on why there is none."""

from emulator.answers.corpus import Corpus
from emulator.answers.question import Question
from emulator.retrieval.quotes import joined
from emulator.text.small_talk import reply_to
from emulator.text.words import terms

TOPICS, HINTS = 12, 3
NOT_FOUND = "I couldn't find an answer to that."


def quoted(question: Question, variant: int, *, names_sources: bool) -> str:
    """The quotes that answer, in writing with their sources; `variant` k leads with the k-th best.

    Small talk gets the like back; in writing a greeting is better answered by what can be asked.
    """
    said = question.small_talk
    if said and not (names_sources and said[0] == "greeting"):
        return reply_to(said)
    if said or not question.text:
        return reply_to(["greeting"]) if not names_sources else introduction(question.corpus)
    if question.recalled:
        return f'You said: "{question.recalled}"'
    chosen = question.answering(variant)
    if not chosen and not terms(question.searched):
        return introduction(question.corpus, is_spoken=not names_sources)
    if not chosen:
        return nothing_found(question.corpus) if names_sources else NOT_FOUND
    texts = [quote.text for quote in chosen]
    text = "".join(lead + each for lead, each in zip(joined(texts), texts, strict=True))
    sources = " and ".join(dict.fromkeys(quote.source for quote in chosen))
    return f"{text} (Quoted from {sources}.)" if names_sources else text


def introduction(corpus: Corpus, *, is_spoken: bool = False) -> str:
    """What can be asked; a caller hears only a little of it."""
    topics = "; ".join(corpus.topics()[: HINTS if is_spoken else TOPICS])
    about = f"You can ask about: {topics}." if topics else ""
    if is_spoken:
        return about or reply_to(["greeting"])
    return f"This is the course's emulator. It can only quote files. {about}".strip()


def nothing_found(corpus: Corpus) -> str:
    """In one sentence, with a hint at what can be asked."""
    hints = f" (Try: {'; '.join(corpus.topics()[:HINTS])}.)" if corpus.topics() else ""
    return f"I couldn't find that in the files that this emulator can quote.{hints}"
