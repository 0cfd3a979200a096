"""Sound for the lessons: WAV files, what was heard of an answer, a simulated caller."""
