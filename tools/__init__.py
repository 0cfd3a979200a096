"""Scripts that build what is committed: fixtures, pictures, the handbook's PDF, callers, tables."""
