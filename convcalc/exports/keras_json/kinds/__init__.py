"""How each kind is written in Keras: files of families, found by being there, each with a table `KINDS`."""
