"""What runs on arrays: the primitives that a kind's `reference` is made of, and nothing that knows a formula."""
