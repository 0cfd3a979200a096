"""Answers: the question as it is understood, what answers it, the value that carries both."""
