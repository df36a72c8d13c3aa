"""Devices, in each output format."""
