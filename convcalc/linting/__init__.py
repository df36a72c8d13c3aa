"""Linting: which rules run on which files, what is suppressed, and what comes of it."""
