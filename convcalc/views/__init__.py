"""Records in, text out: one file an output format. Rounding, units and colour happen here and nowhere else."""
