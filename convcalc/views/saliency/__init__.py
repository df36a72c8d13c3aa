"""What of an image a network looks at, in each output format."""
