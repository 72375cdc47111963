"""GraphiQL, from our own origin: it works offline and under a strict content security policy."""

from importlib.resources import files
from pathlib import Path

from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_STATIC = Path(str(files("gql.explorer"))) / "static"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # GraphiQL's editor has an image inside, for dragging text.
        "font-src data:",  # GraphiQL's style sheet has its fonts inside.
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_PAGE = (_STATIC / "explorer.html").read_bytes()
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # Browsers ask with the ETag that they have, so that a new version is never mixed with an old one.
    "Cache-Control": "no-cache",
}


def page() -> HTMLResponse:
    # The same address answers programs too.
    return HTMLResponse(_PAGE, headers={**_HEADERS, "Vary": "Accept"})


class _Assets(StaticFiles):
    """Files with the page's headers, because one of them is the page: nobody may frame it by its own name."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


assets = _Assets(directory=_STATIC)
