"""What came of a sweep, in each output format."""
