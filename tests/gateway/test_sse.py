import pytest

from app.gateway import sse


def split(stream, size):
    splitter = sse.Splitter()
    events = []
    for at in range(0, len(stream), size):
        events += sse.split(splitter.feed(stream[at : at + size]))
    return events, splitter.remainder()


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_events_are_the_same_however_they_are_cut(end, size):
    lines = [b"event: a", b"data: 1", b"", b"data: 2", b"", b": ping", b"", b"data: rest"]
    stream = end.join(lines)

    events, rest = split(stream, size)

    assert b"".join(events) + rest == stream
    assert [sse.data_of(event) for event in events] == [b"1", b"2", b""]
    assert sse.data_of(rest) == b"rest"


@pytest.mark.parametrize(
    ("stream", "end"),
    [
        (b"data: 1\n\ndata: 2", 9),
        (b"data: 1\r\n\r\ndata: 2", 11),
        (b"data: 1\r\rdata: 2", 9),
        (b"data: 1\n\r\ndata: 2\r\n", 10),
        (b"data: 1\ndata: 2\n", 0),
    ],
)
def test_whole_events_end_at_their_last_blank_line(stream, end):
    assert sse.end_before(stream, len(stream)) == end
    assert sse.Splitter().feed(stream) == stream[:end]


def test_mixed_line_ends_end_events_too():
    events, rest = split(b"data: 1\n\r\ndata: 2\r\n\ndata: 3\r\r", 1000)

    assert [sse.data_of(event) for event in events] == [b"1", b"2", b"3"]
    assert rest == b""


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"data:a\n\n", b"a"),
        (b"data:  a\n\n", b" a"),
        (b"data\n\n", b""),
        (b"database: x\n\n", b""),
        (b": data: x\n\n", b""),
        (b"event: data: x\n\n", b""),
    ],
)
def test_data_is_read_as_the_standard_says(event, data):
    assert sse.data_of(event) == data


@pytest.mark.parametrize(
    ("event", "expected"), [(b"id: 1\n\n", True), (b"id:\n\n", False), (b"data: id: 1\n\n", False)]
)
def test_an_id_makes_a_stream_resumable(event, expected):
    assert sse.has_id(event) is expected


def test_a_message_of_ours_is_an_event():
    splitter = sse.Splitter()

    event = splitter.feed(sse.message(b'{"a":1}'))

    assert sse.data_of(event) == b'{"a":1}'


def test_only_the_tail_of_a_very_large_event_waits():
    splitter = sse.Splitter()
    stream = b"data: " + b"x" * (3 << 20) + b"\n\n" + b"data: next\n\n"
    sent = b""
    pieces = []
    for at in range(0, len(stream), 10_000):
        events = splitter.feed(stream[at : at + 10_000])
        pieces += sse.split(events)
        sent += events + splitter.overflow()
        assert len(splitter.remainder()) <= sse.LARGE_EVENT_BYTES

    assert sent == stream
    assert len(pieces[0]) <= 2 * sse.TAIL_BYTES + 10_000
    assert pieces[1] == b"data: next\n\n"
