"""Comparisons as text: two networks, or a network and its variants, in each output format."""
