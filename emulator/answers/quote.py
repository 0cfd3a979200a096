"""An answer in the corpus's own sentences, or a word on what can be asked.

The best sentence leads. Then goes on what follows it, as a reader would go on, and up to a third of
the answer are sentences from elsewhere that answer nearly as well.
"""

from emulator.answers.corpus import Corpus
from emulator.answers.question import Question
from emulator.text.small_talk import reply_to

AS_GOOD = 0.75
"""The part of the best score from which on another sentence counts as good."""
TOPICS, SPOKEN_TOPICS = 12, 3


def quoted(question: Question, variant: int, *, names_sources: bool) -> str:
    """The best sentences, in writing with their sources; `variant` k leads with the k-th best.

    Small talk gets the like back; in writing a greeting is better answered by what can be asked.
    """
    corpus, said = question.corpus, question.small_talk
    if said and not (names_sources and said[0] == "greeting"):
        return reply_to(said)
    # The k-th best of few is the last of them: several choices of one answer may be the same.
    hits = [] if said else question.hits
    if not hits:
        return nothing_found(corpus, TOPICS if names_sources else SPOKEN_TOPICS)
    lead = hits[min(variant, len(hits) - 1)][1]
    good = [place for score, place in hits if score >= AS_GOOD * hits[0][0]]
    chosen = [corpus.sentences[p] for p in _choose(lead, good, corpus, question.sentences)]
    sources = " and ".join(dict.fromkeys(each.source for each in chosen))
    text = " ".join(each.text for each in chosen)
    return f"{text} (Quoted from {sources}.)" if names_sources else text


def nothing_found(corpus: Corpus, most: int) -> str:
    topics = "; ".join(corpus.topics()[:most])
    return f"""This is the course's emulator. It can only quote the files that it was given, and \
nothing in them answers that. It can be asked about: {topics}."""


def _choose(lead: int, good: list[int], corpus: Corpus, limit: int) -> list[int]:
    """The lead and what goes on from it, then up to a third of sentences that are as good."""
    others = [place for place in good if place != lead][: limit // 3]
    flow = [place for place in dict.fromkeys(corpus.onward(lead)) if place not in others]
    return [lead, *flow[: limit - 1 - len(others)], *others][:limit]
