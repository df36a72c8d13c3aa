"""Explanations as text, JSON, Markdown and LaTeX."""
