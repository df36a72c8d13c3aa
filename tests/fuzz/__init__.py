"""The fuzzer: inputs that are nearly right, every command on them, and what may come of it."""
