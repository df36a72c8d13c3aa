"""Keras models: what is in their files."""
