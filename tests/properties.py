"""How property tests run here: the same examples every time, no deadline, and nothing kept between runs.

What fails by chance fails on somebody else's change. `pytest --hypothesis-profile=wide` looks further, by chance.
"""

import hypothesis
from hypothesis import HealthCheck

hypothesis.settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors, HealthCheck.function_scoped_fixture],
)
hypothesis.settings.register_profile(
    "wide", parent=hypothesis.settings.get_profile("steady"), derandomize=False, max_examples=1000
)
hypothesis.settings.load_profile("steady")
