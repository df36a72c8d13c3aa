"""Model files that people have, as records of layers."""
