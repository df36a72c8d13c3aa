"""Walks over a network: what it costs, layer by layer. Records of exact ints come out; views make them readable."""
