"""Groups of layers that a framework wrote out in parts, put back together."""
