"""Sweeps: the totals of a network at every point of a design space, and the points that are worth looking at."""
