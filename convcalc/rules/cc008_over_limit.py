"""More than a spec may be: bytes, depth, work, elements.

Limits that no network reaches, and that keep a file from taking all time or memory: 16 MiB, 64 collections within
collections, blocks and branches 64 deep, 2^63 elements in a tensor, and 3,000,000 steps of work for one file. Reading a
written layer takes about 100 of them, a repetition 30; values, aliases, expressions, long lists and long names take
their own. Anchors, aliases and merge keys are allowed within the limits, so that no rule forbids those: the codes CC004
and CC005 are not used.

False positives: none known.

Source: CVE-2019-11253, where aliases in YAML were multiplied.

Flagged:
    input: [3, 32, 32]
    layers:
      - upsample: {scale_factor: 1000000000} # <- CC008

Allowed:
    variables: &sizes {kernel_size: 3}
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, <<: *sizes}
"""

SEVERITY = "error"
