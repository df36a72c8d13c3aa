"""The hardware that a network may be meant for."""

TARGETS: dict[str, object] = {}
