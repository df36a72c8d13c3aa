"""A suppression of a rule that does not exist, or that names none.

Neither a code, nor a name, nor the beginning of codes: what it was meant to suppress is reported all the same. There
is no comment to suppress everything: rules are named.

False positives: a comment that begins with `convcalc:` and speaks of ignoring.

Source: ruff's invalid-rule-code.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, bias: false} # convcalc: ignore[CC3011] # <- CC902
      - batch_norm

Flagged:
    input: [3, 32, 32]
    layers:
      # convcalc: ignore # <- CC902
      - conv: {out_channels: 16, kernel_size: 3, bias: false}
      - relu: {lint: {ignore: bias-befor-norm}} # <- CC902

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3} # convcalc: ignore[bias-before-norm]
      - batch_norm
      # written by convcalc: see the manual
      - relu
"""

SEVERITY = "warning"
