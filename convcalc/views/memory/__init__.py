"""The memory of a network over time, in each output format."""
