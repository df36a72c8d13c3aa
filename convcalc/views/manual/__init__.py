"""Pages of the manual and their lists, in each output format."""
