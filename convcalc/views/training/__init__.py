"""What a step of training costs, in each output format."""
