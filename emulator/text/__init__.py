"""English in one place: words and stems, sentences, Markdown, small talk, JSON in words."""
