"""The example front end while its server is away, and when a session is over."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from selenium.webdriver import Chrome
from sqlalchemy import make_url

from tests.browser.reader import Person, Window, previewed
from tests.conftest import NewUrl
from tests.server import Server, gazette

AWAY = "The server does not answer."
ANOTHER_KEY = "another-secret-of-the-tests-that-is-long-enough"


@pytest.fixture
def url(new_sqlite_url: NewUrl) -> str:
    return new_sqlite_url()


@pytest.fixture
def server(url: str) -> Iterator[Server]:
    assert (
        gazette("seed", "--users", "3", "--posts", "5", "--comments", "0", DATABASE_URL=url).returncode == 0
    )
    server = Server(url)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def window(browser: Chrome, server: Server) -> Iterator[Window]:
    """The console is not looked at: browsers tell there that nobody answers."""
    with previewed(server.address) as address:
        yield Window(browser, address)


def test_a_server_that_went_away_is_told_and_what_was_missed_comes_when_it_is_back(
    window: Window, server: Server
) -> None:
    ada = Person(server.address, "ada")
    post = ada.post("While it was away")
    ada.comment(post, "Before")
    window.open(post)
    window.log_in("ben")
    window.write("What do you say?", "My own")
    server.kill()
    window.shows(AWAY)
    window.press("Send")
    window.shows("Nothing is lost: try again.")
    server.start()
    ada.comment(post, "Meanwhile")
    window.until(lambda: AWAY not in window.texts(".notices p")[0:1])
    window.until(lambda: window.comments() == ["Before", "Meanwhile"])
    window.press("Send")
    window.until(lambda: window.comments() == ["Before", "Meanwhile", "My own"])
    ada.comment(post, "Live again")
    window.until(lambda: len(window.comments()) == 4)
    assert window.comments() == ada.bodies(post)


def test_a_list_that_is_opened_meanwhile_comes_when_the_server_is_back(
    window: Window, server: Server
) -> None:
    server.kill()
    window.open()
    window.shows(AWAY)
    assert window.all(".loading")
    server.start()
    window.find(".feed")
    window.until(lambda: not window.texts(".notices p"))


def test_a_token_that_is_accepted_no_more_is_renewed_for_requests_and_the_socket(
    window: Window, server: Server
) -> None:
    ada = Person(server.address, "ada")
    post = ada.post("With another token")
    window.open(post)
    window.log_in("ben")
    window.write("Be the first to say something", "Written with an old token")
    server.kill()
    # Another key makes the access token worthless, as its 15 minutes would, and leaves the refresh token.
    server.set(GAZETTE_SECRET_KEYS=ANOTHER_KEY)
    server.start()
    window.press("Send")
    window.until(lambda: window.comments() == ["Written with an old token"])
    Person(server.address, "ada").comment(post, "Heard by the socket")
    window.until(lambda: window.comments() == ["Written with an old token", "Heard by the socket"])
    assert window.all(".account span")


def test_whose_session_is_over_is_told_and_loses_no_word(window: Window, server: Server) -> None:
    post = Person(server.address, "ada").post("Over")
    elsewhere = Person(server.address, "ben")
    elsewhere.comment(post, "A first thought.")
    window.open(post)
    window.log_in("ben")
    window.press("Edit", ".thread")
    window.write("Your comment", "A second thought, not saved yet.")
    window.write("What do you say?", "Not sent yet")
    elsewhere.ask("mutation {logOut(input: {everywhere: true}) {endedSessions}}")
    window.shows("Your session is over: log in again.")
    window.log_in("ben")
    window.press("Save")
    window.until(lambda: window.comments() == ["A second thought, not saved yet."])
    window.press("Send")
    window.until(lambda: window.comments() == ["A second thought, not saved yet.", "Not sent yet"])
    assert not window.texts(".notices p")


def test_an_interruption_that_was_too_long_is_made_good(window: Window, server: Server, url: str) -> None:
    """The event to go on behind is not known any more: EVENTS_GONE."""
    ada = Person(server.address, "ada")
    post = ada.post("Long away")
    window.open(post)
    window.until(lambda: heard(window, ada, post))
    server.kill()
    window.shows(AWAY)
    with closing(sqlite3.connect(make_url(url).database or "")) as file, file:
        file.execute("DELETE FROM events")
    server.start()
    ada.comment(post, "Meanwhile")
    window.until(lambda: window.comments() == ada.bodies(post))
    ada.comment(post, "Live again")
    window.until(lambda: window.comments() == ada.bodies(post))


def heard(window: Window, ada: Person, post: dict[str, str]) -> bool:
    """Whether something came live; so long something is written."""
    ada.comment(post, "Can you hear me?")
    return bool("".join(window.texts(".comments [role=status]")))
