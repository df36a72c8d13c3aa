"""What was analyzed, in each output format."""
