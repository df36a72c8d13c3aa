"""What came of the battery, in each output format."""
