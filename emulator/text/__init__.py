"""English in one place: words and stems, sentences, small talk, queries, JSON in words."""
