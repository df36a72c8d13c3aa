"""Comparing: what is put side by side, specs that are read, variants that are made, and files at a revision."""
