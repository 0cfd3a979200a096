"""A question as a search query: without politeness and the words that only ask.

OpenAI has a model rewrite it; here some phrases are taken off, and the rest stays as it was.
"""

import re

_ASKING = re.compile(
    r"""^ (?: (?:hi|hello|hey|dear\ \w+|please|thanks|well|so|now|ok|okay) \b [\s,!.]*
    | (?:can|could|would|will) \ (?:you|we|i|someone) \ (?:please\ |kindly\ |perhaps\ )*
      (?:tell|show|explain|give|help|find|look\ up|describe|know|list|say|ask)?
      (?:\ (?:to\ )?(?:me|us|out))* \b \s*
    | i\ (?:would\ like|want|need|wish)\ to\ (?:know|ask|see|find\ out|understand) \b \s*
    | i(?:\ a|')m\ (?:looking\ for|wondering|searching\ for) \b \s*
    | (?:please\ )?(?:tell|show|give|explain\ to)\ (?:me|us) \b \s*
    | do\ you\ (?:know|happen\ to\ know) \b \s*
    | (?:what|who|which|where|when|why|how|whose)(?:\ (?:much|many|long|often|far|old))?
      (?:\ (?:is|are|was|were|do|does|did|has|have|had|can|could|should|will|would)\b)?
      (?:\ (?:i|we|you|one)\b)? \s+
    | (?:is|are|was|were|do|does|did|has|have|had|can|should|may|must)\ (?:there|it|i|we|one) \b \s*
    | (?:about|if|whether|that|of) \b \s*
    | (?:the|a|an) \b \s* )""",
    re.IGNORECASE | re.VERBOSE,
)
_PARTING = re.compile(
    r"[\s,.!?]*\b(?:please|thanks|thank you(?: very much)?|kindly|cheers)?[\s.!?]*$", re.IGNORECASE
)


def rewrite(query: str) -> str:
    """The query without what need not be said; the whole of it where nothing would be left."""
    rest = _PARTING.sub("", query.strip(), count=1)
    while (shorter := _ASKING.sub("", rest, count=1)) != rest and shorter:
        rest = shorter
    return rest or query
