"""What linting found, in each output format: a run in, text out."""
