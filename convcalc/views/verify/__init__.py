"""Networks that were verified, in each output format."""
