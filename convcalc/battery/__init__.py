"""The self-test: generated cases of every kind, identities between kinds, and smaller cases of what disagrees."""
