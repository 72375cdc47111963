"""GraphiQL, from our own origin: it works offline and under a strict content security policy."""

from importlib.resources import files
from pathlib import Path

from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_STATIC = Path(str(files("gql.explorer"))) / "static"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src data:",  # GraphiQL's style sheet has its fonts inside.
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

# Browsers ask with the ETag that they have, so that a new version is never mixed with an old one.
assets = StaticFiles(directory=_STATIC)

_PAGE = (_STATIC / "explorer.html").read_bytes()
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The same address answers programs too.
    "Vary": "Accept",
}


def page() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers=_HEADERS)
