"""Networks as pages and pictures, in each output format."""
