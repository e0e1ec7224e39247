"""How property tests run here: no deadline, because the machine may be busy, and nothing kept between runs."""

import hypothesis

hypothesis.settings.register_profile(
    "postern",
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.differing_executors],
)
hypothesis.settings.load_profile("postern")
