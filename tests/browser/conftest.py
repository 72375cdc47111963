"""Headless Chromium, and a server with demo data for it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.browser.reader import Window, previewed
from tests.conftest import NewUrl
from tests.server import gazette, serving


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = f"sqlite:///{tmp_path_factory.mktemp('browser') / 'gazette.db'}"
    for command in (["migrate"], ["seed", "--users", "20", "--posts", "60", "--comments", "200"]):
        finished = gazette(*command, DATABASE_URL=url)
        assert finished.returncode == 0, finished.stderr
    with serving(url) as address:
        yield address


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(option)
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    # The window's own bars take a part of its height, so the page gets its size by itself.
    size = {"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def another_browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="session")
def reader_api(sqlite_databases: NewUrl) -> Iterator[str]:
    """A server behind the example front end, to which tests add what they need."""
    url = sqlite_databases()
    demo = gazette("seed", "--users", "20", "--posts", "160", "--comments", "400", DATABASE_URL=url)
    assert demo.returncode == 0, demo.stderr
    with serving(url) as address:
        yield address


@pytest.fixture(scope="session")
def reader_address(reader_api: str) -> Iterator[str]:
    with previewed(reader_api) as address:
        yield address


@pytest.fixture
def console(browser: webdriver.Chrome) -> Iterator[None]:
    """Nothing was to complain about: no error, no violation of the content security policy."""
    yield
    log = browser.get_log("browser")  # type: ignore[no-untyped-call] # Selenium left it out.
    # GraphiQL's dialogs have no description, of which the library that it makes them with warns its authors.
    messages = [entry["message"] for entry in log if "Missing `Description`" not in entry["message"]]
    assert messages == []


@pytest.fixture
def window(browser: webdriver.Chrome, reader_address: str, console: None) -> Window:
    """The example front end, with nothing to complain about."""
    return Window(browser, reader_address)


@pytest.fixture
def another_window(another_browser: webdriver.Chrome, reader_address: str) -> Window:
    return Window(another_browser, reader_address)
