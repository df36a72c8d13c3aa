"""What a step of training costs: which gradients are asked for, what is kept for them, what is alive at each moment."""
