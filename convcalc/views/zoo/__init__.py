"""The list of the zoo, in each output format."""
