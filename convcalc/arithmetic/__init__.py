"""The numbers, the window and the receptive field: all the arithmetic of convolution, and nothing of YAML."""
