"""What the GraphQL over HTTP specification says of media types."""

from collections.abc import Iterator
from functools import lru_cache

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"

# Clients send the same few headers again and again.
_KEPT = 64


@lru_cache(maxsize=_KEPT)
def response_type(accept: str | None) -> str | None:
    """The media type to answer with, or None when the client accepts neither of the two.

    The client's weights decide, then its order; a range such as `*/*` means plain JSON.
    """
    best: tuple[float, str] | None = None
    for media_range, weight in _ranges(accept or "*/*"):
        chosen = (
            GRAPHQL
            if media_range == GRAPHQL
            else JSON
            if media_range in (JSON, "application/*", "*/*")
            else None
        )
        if chosen and weight > 0 and (best is None or weight > best[0]):
            best = (weight, chosen)
    return best[1] if best else None


@lru_cache(maxsize=_KEPT)
def prefers_events(accept: str | None) -> bool:
    """Whether an event stream is what a client wants first: many merely list it with all that they know."""
    (first, weight), *others = _ranges(accept or "*/*")
    return first == EVENTS and weight > 0 and all(weight >= other for _, other in others)


@lru_cache(maxsize=_KEPT)
def accepts_html(accept: str | None) -> bool:
    """Whether a browser asks: they alone name HTML."""
    return any(media_range == "text/html" and weight > 0 for media_range, weight in _ranges(accept or ""))


@lru_cache(maxsize=_KEPT)
def is_json(content_type: str | None) -> bool:
    """Whether a body is JSON in UTF-8, the only kind that is read."""
    media_type, *parameters = (content_type or "").lower().replace(" ", "").split(";")
    charsets = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    return media_type == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.lower().split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        yield media_range, _weight(parameters)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
