from bench import hour
from bench.hour import Sample


def test_the_slope_is_what_an_hour_adds():
    samples = [Sample(at_s=at, rss_mb=100 + at / 360, requests=0) for at in range(0, 600, 10)]

    assert round(hour.slope_mb_per_hour(samples), 6) == 10


def test_one_sample_has_no_slope():
    assert hour.slope_mb_per_hour([Sample(0, 100, 0)]) == 0
