"""What a real browser lets pages of other origins have of the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait

from tests.conftest import NewUrl
from tests.server import serving

READ = """
const [address, done] = arguments;
const headers = {'Content-Type': 'application/json', 'X-Request-ID': 'mine'};
fetch(address, {method: 'POST', headers, body: '{"query": "{__typename}"}'})
  .then(async answer => done([answer.headers.get('x-request-id'), (await answer.json()).data.__typename]))
  .catch(() => done('refused'));
"""
EMBED = """
const [address, done] = arguments;
fetch(address, {mode: 'no-cors'}).then(answer => done(answer.type)).catch(() => done('refused'));
"""
FRAME = """
const frame = document.createElement('iframe');
frame.src = arguments[0];
document.body.append(frame);
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><link rel=icon href=data:,><title>A front end</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def front_end() -> Iterator[str]:
    """The origin of a page. Another name is another site to browsers, which another port is not."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def named() -> Iterator[str]:
    with front_end() as origin:
        yield origin


@pytest.fixture(scope="module")
def address(sqlite_databases: NewUrl, named: str) -> Iterator[str]:
    with serving(sqlite_databases(), GAZETTE_ORIGINS=named) as address:
        yield address


def complaints(browser: Chrome) -> str:
    return "\n".join(entry["message"] for entry in browser.get_log("browser"))  # type: ignore[no-untyped-call] # As in conftest.py.


def test_the_page_of_an_origin_that_is_named_reads_answers(browser: Chrome, named: str, address: str) -> None:
    browser.get(named)
    assert browser.execute_async_script(READ, f"{address}/graphql") == ["mine", "Query"]
    assert complaints(browser) == ""


def test_the_page_of_another_does_not(browser: Chrome, address: str) -> None:
    with front_end() as another:
        browser.get(another)
        assert browser.execute_async_script(READ, f"{address}/graphql") == "refused"
        assert "CORS policy" in complaints(browser)


def test_nobody_embeds_answers_without_asking(browser: Chrome, named: str, address: str) -> None:
    """As an image or a script would be: into a process in which others may spy on it."""
    browser.get(named)
    assert browser.execute_async_script(EMBED, f"{named}/") == "basic"
    assert browser.execute_async_script(EMBED, f"{address}/metrics") == "refused"
    assert "NotSameOrigin" in complaints(browser)


@pytest.mark.parametrize("path", ["graphql", "healthz", "explorer/explorer.html"])
def test_nobody_frames_a_page(browser: Chrome, named: str, address: str, path: str) -> None:
    browser.get(named)
    browser.execute_script(FRAME, f"{address}/{path}")
    WebDriverWait(browser, 20).until(lambda _: "frame-ancestors" in complaints(browser))
