"""What can keep a benchmark from being run or believed."""


class Unmeasurable(Exception):
    """Why there is no number, in words for whoever ran the benchmark."""
