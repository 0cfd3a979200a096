"""Thinking: what a prompt asks, the passages that answer it, the value that carries them."""
