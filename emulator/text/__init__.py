"""English in one place: words and stems, sentences, small talk, queries, what can be read aloud."""
