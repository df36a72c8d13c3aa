"""Signatures of layers, to be filled in with times."""
