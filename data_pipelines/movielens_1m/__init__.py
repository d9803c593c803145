"""MovieLens-1M: a million ratings of films."""
