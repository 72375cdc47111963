"""Subscriptions in GraphiQL, with a real server."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support import expected_conditions as until

from tests.browser.explorer import (
    ACCOUNT,
    EXECUTE,
    HEADERS,
    RESPONSE,
    STOP,
    Another,
    log_in,
    log_out,
    open_explorer,
    picture,
    run,
    wait,
    write,
)
from tests.server import Server, gazette, serving

COMMENTS = """subscription Comments {
  commentAdded(postId: "%s") {
    eventId
    comment {
      body
      author {
        username
        name
      }
    }
  }
}
"""
CHANGES = 'subscription Changes {postUpdated(id: "%s") {post {title status}}}'
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def demo_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('live') / 'gazette.db'}"
    for command in (["migrate"], ["seed", "--users", "3", "--posts", "3", "--comments", "3"]):
        assert gazette(*command, DATABASE_URL=url).returncode == 0
    return url


@pytest.fixture(scope="module")
def alone(demo_url: str) -> Iterator[str]:
    """A server that has one stream at a time for us."""
    with serving(demo_url, GAZETTE_ADDRESS_SOCKETS="1") as address:
        yield address


@pytest.fixture
def mortal(demo_url: str) -> Iterator[Server]:
    server = Server(demo_url, "gql", "serve")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def short_lived(demo_url: str) -> Iterator[str]:
    """A server whose access tokens are good for 3 seconds."""
    server = Server(demo_url, "tests.short_lived", "3")
    server.start()
    yield server.address
    server.stop()


def follow(browser: Chrome, subscription: str) -> None:
    write(browser, subscription)
    browser.find_element(*EXECUTE).click()
    wait(browser).until(until.element_to_be_clickable(STOP))


def wait_for(browser: Chrome, text: str) -> None:
    wait(browser).until(until.text_to_be_present_in_element(RESPONSE, text))


def hear(browser: Chrome, writer: Another, post: str, body: str) -> None:
    """Comment until it is heard: nothing tells when the server has begun to listen."""

    def is_heard(browser: Chrome) -> bool:
        writer.comment(post, body)
        return body in browser.find_element(*RESPONSE).text

    wait(browser).until(is_heard)


@pytest.mark.usefixtures("console")
def test_a_comment_that_another_client_writes_is_shown(browser: Chrome, server_url: str) -> None:
    writer = Another(server_url, "ben")
    post = writer.write_post("Follow me")
    open_explorer(browser, server_url)
    log_in(browser, "ada")
    follow(browser, COMMENTS % post)
    hear(browser, writer, post, "First!")
    writer.comment(post, "It works in a browser, too.")
    wait_for(browser, "It works in a browser, too.")
    picture(browser, "explorer-live")
    assert browser.find_element(*STOP).is_displayed()


@pytest.mark.usefixtures("console")
def test_the_same_button_ends_it(browser: Chrome, alone: str) -> None:
    writer = Another(alone, "ben")
    post = writer.write_post("Stop me")
    open_explorer(browser, alone)
    follow(browser, COMMENTS % post)
    hear(browser, writer, post, "Still here")
    request = {"query": "{__typename}"}
    # Whether there is room for another stream tells whether this one is still there.
    assert httpx.post(f"{alone}/graphql", json=request, headers=EVENTS).status_code == 429
    browser.find_element(*STOP).click()
    wait(browser).until(until.invisibility_of_element_located(STOP))
    wait(browser).until(
        lambda _: httpx.post(f"{alone}/graphql", json=request, headers=EVENTS).status_code == 200
    )


@pytest.mark.usefixtures("console")
def test_an_author_follows_a_draft(browser: Chrome, server_url: str) -> None:
    author = Another(server_url, "ben")
    draft = author.write_post("In the making", is_draft=True)
    rename = "mutation ($id: ID!, $title: String!) {updatePost(input: {id: $id, title: $title}) {post {id}}}"
    open_explorer(browser, server_url)
    log_in(browser, "ben")
    follow(browser, CHANGES % draft)

    def is_heard(browser: Chrome) -> bool:
        author.data(rename, id=draft, title="Nearly done")
        return "Nearly done" in browser.find_element(*RESPONSE).text

    wait(browser).until(is_heard)
    assert '"DRAFT"' in browser.find_element(*RESPONSE).text


@pytest.mark.usefixtures("console")
def test_what_is_refused_is_told(browser: Chrome, server_url: str) -> None:
    """A stranger sees no draft, and the token of the Headers tab is no token."""
    draft = Another(server_url, "ben").write_post("Not yours", is_draft=True)
    open_explorer(browser, server_url)
    run(browser, CHANGES % draft, '"errors"')
    wait(browser).until(until.invisibility_of_element_located(STOP))
    write(browser, '{"Authorization": "Bearer nonsense"}', HEADERS)
    run(browser, CHANGES % draft, "UNAUTHENTICATED")
    wait(browser).until(until.invisibility_of_element_located(STOP))


@pytest.mark.usefixtures("console")
def test_a_subscription_ends_with_the_log_in(browser: Chrome, server_url: str) -> None:
    post = Another(server_url, "ben").write_post("Until you leave")
    open_explorer(browser, server_url)
    log_in(browser, "ada")
    follow(browser, COMMENTS % post)
    log_out(browser)
    wait_for(browser, "You have logged out.")
    wait(browser).until(until.invisibility_of_element_located(STOP))


@pytest.mark.usefixtures("console")
def test_a_session_that_is_ended_elsewhere_is_over_here(browser: Chrome, server_url: str) -> None:
    elsewhere = Another(server_url, "ben")
    post = elsewhere.write_post("Until you leave everywhere")
    open_explorer(browser, server_url)
    log_in(browser, "ben")
    follow(browser, COMMENTS % post)
    hear(browser, elsewhere, post, "I am leaving")
    elsewhere.data("mutation {logOut(input: {everywhere: true}) {endedSessions}}")
    wait_for(browser, "UNAUTHENTICATED")
    wait(browser).until(until.text_to_be_present_in_element(ACCOUNT, "Log in"))


@pytest.mark.usefixtures("console")
def test_it_outlives_the_access_token(browser: Chrome, short_lived: str) -> None:
    writer = Another(short_lived, "ben")
    post = writer.write_post("Longer than a token")
    open_explorer(browser, short_lived)
    log_in(browser, "ada")
    follow(browser, CHANGES % post)
    begin = browser.execute_script("return performance.now()")
    wait(browser).until(lambda _: browser.execute_script("return performance.now()") - begin > 4000)
    writer = Another(short_lived, "ben")
    rename = 'mutation ($id: ID!) {updatePost(input: {id: $id, title: "Much longer"}) {post {id}}}'
    writer.data(rename, id=post)
    wait_for(browser, "Much longer")


def test_it_goes_on_where_it_was_when_the_server_is_back(browser: Chrome, mortal: Server) -> None:
    writer = Another(mortal.address, "ben")
    post = writer.write_post("Hold the line")
    open_explorer(browser, mortal.address)
    follow(browser, COMMENTS % post)
    hear(browser, writer, post, "Before")
    mortal.kill()
    mortal.start()
    writer.comment(post, "Behind the interruption")
    wait_for(browser, "Behind the interruption")


def test_a_server_that_is_away_is_told(browser: Chrome, mortal: Server, tmp_path: Path) -> None:
    open_explorer(browser, mortal.address)
    mortal.kill()
    run(browser, COMMENTS % "x", "The server does not answer.")
    wait(browser).until(until.invisibility_of_element_located(STOP))
    run(browser, "{viewer {id}}", "The server does not answer.")
