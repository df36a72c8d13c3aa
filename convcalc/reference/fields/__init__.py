"""Receptive fields measured on tensors: tagged positions followed through the network."""
