"""The effective receptive field of a layer, in each output format."""
