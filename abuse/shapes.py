"""Bytes that no application ever sees: what two parties may read in two ways, and heads without end."""

QUERY = b'{"query": "{__typename}"}'
POST = b"POST /graphql HTTP/1.1\r\nHost: gazette\r\nContent-Type: application/json\r\n"
GET = b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: gazette\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(QUERY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNK = b"%x\r\n%s\r\n" % (len(QUERY), QUERY)

AMBIGUOUS = {
    "two lengths": LENGTH + b"Content-Length: 5\r\n",
    "the same length twice": LENGTH + LENGTH,
    "lengths in one header": b"Content-Length: %d, %d\r\n" % (len(QUERY), len(QUERY)),
    "a length and pieces": LENGTH + CHUNKED,
    "pieces and a length": CHUNKED + LENGTH,
    "pieces of pieces": b"Transfer-Encoding: chunked, chunked\r\n",
    "pieces that are not the last": b"Transfer-Encoding: chunked, identity\r\n",
    "an unknown encoding": b"Transfer-Encoding: xchunked\r\n",
    "two encodings": b"Transfer-Encoding: identity\r\n" + CHUNKED,
    "a signed length": b"Content-Length: +%d\r\n" % len(QUERY),
    "a negative length": b"Content-Length: -1\r\n",
    "a hexadecimal length": b"Content-Length: 0x19\r\n",
    "a length beyond all numbers": b"Content-Length: " + b"9" * 40 + b"\r\n",
    "an empty length": b"Content-Length:\r\n",
    "a space before the colon": b"Content-Length : %d\r\n" % len(QUERY),
    "a header that goes on in the next line": LENGTH + b"X-A: b\r\n c\r\n",
    "a line without a carriage return": b"X-A: b\n" + LENGTH,
    "a carriage return alone": b"X-A: b\rX-B: c\r\n" + LENGTH,
    "NUL in a header": b"X-A: b\x00\r\n" + LENGTH,
    "a header without a name": b": b\r\n" + LENGTH,
}
"""Headers of a POST with the body of QUERY, behind which the next request may hide; each is 400."""
PIECES = {
    "a size that is none": b"x\r\n",
    "a negative size": b"-1\r\n",
    "a size beyond all numbers": b"f" * 17 + b"\r\n",
    "a piece longer than its size": b"1\r\nabc\r\n",
    "headers behind the last": CHUNK + b"0\r\nAuthorization: Bearer x\r\n\r\n",
}
"""Bodies in pieces."""

SHAPES = {
    **{name: POST + headers + b"\r\n" + QUERY + GET + b"\r\n" for name, headers in AMBIGUOUS.items()},
    **{name: POST + CHUNKED + b"\r\n" + pieces for name, pieces in PIECES.items()},
}
"""Whole requests; each is 400."""

HEADERS = (GET, *[b"X-A: %s\r\n" % (b"a" * 65_529)] * 1024)
"""64 MB of them, in parts."""
