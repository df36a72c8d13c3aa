"""What other tools count, as a sheet: a title, lines, a table and notes, in each output format."""
