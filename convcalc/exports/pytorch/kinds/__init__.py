"""How each kind is written in PyTorch: files of families, found by being there, each with a table `KINDS`."""
