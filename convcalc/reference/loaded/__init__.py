"""The weights that a network has in a file: its own, where it was read from a model, or those of an archive."""
