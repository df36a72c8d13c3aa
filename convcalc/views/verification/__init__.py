"""Views of what was verified, one file an output format."""
