"""An entry of the baseline for which there is no finding any more.

A baseline (`--write-baseline`, `--baseline`) keeps count of the findings by code, file and layer. Where there are
fewer now, something was mended; written again (`--force`), the baseline does not let it come back. Entries of rules
that did not run and of files that were not linted are left alone.

False positives: none.

Source: PHPStan reports ignored errors that no longer occur; ESLint prunes its suppressions.

Baseline:
    {"version": 1, "findings": [{"code": "CC301", "path": "net.yaml", "layer": "conv1", "count": 2}]}

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
      - batch_norm

Baseline:
    {"version": 1, "findings": [{"code": "CC301", "path": "net.yaml", "layer": "conv1", "count": 1}]}

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
      - batch_norm
"""

SEVERITY = "info"
