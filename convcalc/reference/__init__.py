"""The executor: a network run on real tensors by its kinds' `reference`, and everything measured there."""
