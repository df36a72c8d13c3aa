"""A suppression that suppresses nothing.

A word in `# convcalc: ignore[...]`, in `# convcalc: file-ignore[...]` or under a layer's `lint: {ignore: [...]}` for
which nothing was found, though the rules it stands for ran. Left where it is, it would hide the next of that kind.

Not flagged: words for rules that are not selected; specs that have mistakes, in which rules could not look at
everything.

False positives: none.

Source: ruff's RUF100, unused-noqa.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, bias: false} # convcalc: ignore[CC301] # <- CC901
      - batch_norm

Flagged:
    input: [3, 32, 32]
    layers:
      - conv:
          out_channels: 16
          kernel_size: 3
          bias: false
          lint: {ignore: [bias-before-norm]} # <- CC901
      - batch_norm

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3} # convcalc: ignore[CC301] the checkpoint has it
      - batch_norm
"""

SEVERITY = "info"
