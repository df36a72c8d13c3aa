"""Maps of numbers over positions as pictures: in characters, as PNG and as SVG, to the same scale and in one order."""
