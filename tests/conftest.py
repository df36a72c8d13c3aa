"""How much is generated: with CONVCALC_EXAMPLES=1000 every property draws so many examples."""

import os

from hypothesis import HealthCheck, settings

MANY = int(os.environ.get("CONVCALC_EXAMPLES", "0"))

settings.register_profile(
    "convcalc",
    deadline=None,
    max_examples=MANY or 60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("convcalc")
