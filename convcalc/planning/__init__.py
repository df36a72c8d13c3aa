"""Memory over time: which tensors live while each layer runs, where they lie, and what another order would need."""
