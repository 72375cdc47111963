"""The example front end as people read in it: the list, and a post with what is said about it."""

import signal
from typing import Any

import pytest
from selenium.webdriver import Chrome, Keys

from tests.browser.reader import FOLDER, Person, Window, previewed
from tests.clients.project import ADDRESS, blocks
from tests.conftest import NewUrl
from tests.server import Server, serving

PUBLISHED = """query ($after: String) {
  posts(
    first: 100, after: $after
    filter: {status: PUBLISHED}, orderBy: {field: PUBLISHED_AT, direction: DESC}
  ) {
    nodes {title publishedAt author {name username} tags(first: 5) {nodes {name}} comments {totalCount}}
    pageInfo {endCursor hasNextPage}
  }
}"""
"""The list as the reader should have it."""

MARKDOWN = """A *short* text, with [a link](https://example.org) and [a trap](javascript:alert(1)).

## A heading

<b>Bold</b><script>document.title = "taken over"</script>
"""


@pytest.fixture
def ada(reader_api: str) -> Person:
    return Person(reader_api, "ada")


def test_the_list_goes_on_to_its_end_with_nothing_lost_or_twice(window: Window, ada: Person) -> None:
    window.open()
    window.find(".feed")
    window.screenshot("reader.png")
    assert len(window.texts(".feed h2")) < len(everything(ada))
    while not window.all(".end"):
        window.browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    posts = everything(ada)
    assert len(posts) > 100  # Six pages.
    assert window.texts(".feed h2") == [post["title"] for post in posts]
    assert window.texts(".feed .tags") == ["".join(names) for post in posts if (names := tags_of(post))]
    assert window.text().endswith(f"That is all: {len(posts)} posts.")


def tags_of(post: dict[str, Any]) -> list[str]:
    return [tag["name"] for tag in post["tags"]["nodes"]]


def everything(ada: Person) -> list[dict[str, Any]]:
    page = ada.ask(PUBLISHED)["posts"]
    posts: list[dict[str, Any]] = page["nodes"]
    while page["pageInfo"]["hasNextPage"]:
        page = ada.ask(PUBLISHED, after=page["pageInfo"]["endCursor"])["posts"]
        posts += page["nodes"]
    return posts


def test_a_list_that_does_not_fill_the_window_goes_on_by_itself(window: Window) -> None:
    size = {"width": 1400, "height": 12_000, "deviceScaleFactor": 1, "mobile": False}
    window.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    window.open()
    window.until(lambda: len(window.all(".feed article")) > 40)


def test_the_list_says_who_wrote_a_post_and_what_it_is_about(window: Window, ada: Person) -> None:
    post = ada.post("Something said about", "Its first paragraph.\n\nIts second.")
    ada.tag(post, "Reading", "News")
    ada.comment(post, "Indeed.")
    window.open()
    window.find(".feed")
    first = ".feed article:first-child"
    assert sorted(window.texts(f"{first} .tags li")) == ["News", "Reading"]
    assert window.texts(f"{first} h2, {first} .excerpt") == ["Something said about", "Its first paragraph."]
    [said] = window.texts(f"{first} .meta")
    assert said.startswith("Ada Lovelace · ")
    assert said.endswith(" · 1 comment")
    moment = window.find(".feed time").get_attribute("datetime")
    assert moment == ada.ask(PUBLISHED)["posts"]["nodes"][0]["publishedAt"]


def test_whoever_comes_back_to_the_list_is_where_they_were(window: Window) -> None:
    window.open()
    window.find(".feed")
    link = window.all(".feed h2 a")[15]
    window.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    before = window.browser.execute_script("return window.scrollY")
    link.click()
    window.find(".comments")
    assert window.browser.execute_script("return document.activeElement.tagName") == "H1"
    window.browser.back()
    window.find(".feed")
    assert abs(window.browser.execute_script("return window.scrollY") - before) < 200


def test_a_post_is_markdown_and_html_in_it_is_text(window: Window, ada: Person) -> None:
    window.open(ada.post("Markdown", MARKDOWN))
    assert window.texts(".body em, .body h2") == ["short", "A heading"]
    assert window.find(".body a").get_attribute("href") == "https://example.org/"
    assert [link.get_attribute("href") for link in window.all(".body a") if link.text == "a trap"] == [None]
    assert "<b>Bold</b>" in window.find(".body").text
    assert window.browser.title == "Markdown · Gazette"


def test_replies_are_below_what_they_reply_to_and_deep_ones_are_there_on_demand(
    window: Window, ada: Person
) -> None:
    post = ada.post("A deep thread")
    first = ada.comment(post, "1")
    ada.comment(post, "2")
    parent = first
    for depth in ("1.1", "1.1.1", "1.1.1.1", "1.1.1.1.1", "1.1.1.1.1.1"):
        parent = ada.comment(post, depth, parent)
    ada.comment(post, "1.2", first)
    window.open(post)
    assert window.comments() == ["1", "1.1", "1.1.1", "1.1.1.1", "1.2", "2"]
    assert len(window.all(".thread .thread .thread .thread")) == 1
    window.press("Show 2 more replies")
    window.until(lambda: len(window.comments()) == 7)
    window.press("Show 1 more reply")
    window.until(lambda: len(window.comments()) == 8)
    assert window.comments()[3:6] == ["1.1.1.1", "1.1.1.1.1", "1.1.1.1.1.1"]


def test_a_long_discussion_is_read_page_by_page(window: Window, ada: Person) -> None:
    post = ada.post("Much discussed")
    bodies = [f"comment {number}" for number in range(120)]
    for body in bodies:
        ada.comment(post, body)
    window.open(post)
    assert window.comments() == bodies[:50]
    window.log_in("ada")
    window.write("What do you say?", "my own")
    window.press("Send")
    window.until(lambda: window.comments() == [*bodies[:50], "my own"])
    # It is heard as well, and there once all the same; and it stays where pages are put before it.
    window.until(lambda: window.texts(".comments [role=status]") == ["New comment by Ada Lovelace: my own"])
    window.press("More comments, 51 of 121 are shown")
    window.until(lambda: window.comments() == [*bodies[:100], "my own"])
    window.press("More comments, 101 of 121 are shown")
    window.until(lambda: window.comments() == [*bodies, "my own"])
    assert not window.all(".comments button.more")


def test_a_post_that_is_not_there(window: Window) -> None:
    window.browser.get(f"{window.address}/#/posts/nothing-of-this-name")
    window.shows("There is no such post")


def test_without_posts_it_says_so(browser: Chrome, new_sqlite_url: NewUrl) -> None:
    with serving(new_sqlite_url()) as api, previewed(api) as address:
        window = Window(browser, address)
        window.open()
        window.shows("Nothing has been published yet.")


def test_what_the_server_refuses_is_told(browser: Chrome, new_sqlite_url: NewUrl) -> None:
    with serving(new_sqlite_url(), GAZETTE_COST_LIMIT="100") as api, previewed(api) as address:
        window = Window(browser, address)
        window.open()
        window.shows("That did not work")
        assert "100" in window.find("[role=alert]").text
        window.press("Try again")
        window.shows("That did not work")


def test_until_there_is_an_answer_it_is_loading(browser: Chrome, new_sqlite_url: NewUrl) -> None:
    server = Server(new_sqlite_url())
    server.start()
    try:
        with previewed(server.address) as address:
            server.signal(signal.SIGSTOP)
            window = Window(browser, address)
            window.open()
            assert window.find(".loading").get_attribute("aria-label") == "Loading posts"
            server.signal(signal.SIGCONT)
            window.shows("Nothing has been published yet.")
    finally:
        server.kill()


@pytest.fixture
def phone(window: Window) -> Window:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    window.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return window


def test_it_fits_a_phone(phone: Window, ada: Person) -> None:
    post = ada.post("A title of many words, so that it is longer than a line")
    parent = None
    for _ in range(4):
        parent = ada.comment(post, "A" * 60 + " long word", parent)
    for shown in (None, post):
        phone.open(shown)
        phone.find("main h1")
        assert phone.browser.execute_script("return document.documentElement.scrollWidth") == 390


def press(window: Window, key: str, then: str = "main") -> str:
    """What has the focus then, which is to be seen."""
    window.browser.switch_to.active_element.send_keys(key)
    window.find(then)
    focused = window.browser.switch_to.active_element
    is_heading = focused.tag_name == "h1"  # It has the focus for those who listen, and does nothing.
    assert is_heading or focused.value_of_css_property("outline-style") == "solid"
    return focused.text


def test_keys_alone_are_enough(window: Window) -> None:
    window.open()
    window.find(".feed")
    press(window, Keys.TAB)
    assert press(window, Keys.TAB) == "Log in"
    press(window, Keys.ENTER)
    window.find("dialog[open]")
    assert press(window, Keys.ESCAPE) == "Log in"
    press(window, Keys.ENTER)
    window.press("Cancel", "dialog")
    window.until(lambda: window.browser.switch_to.active_element.text == "Log in")
    title = window.texts(".feed h2")[0]
    assert press(window, Keys.TAB) == title
    assert press(window, Keys.ENTER, ".comments") == title


def test_its_session_and_its_socket_are_the_lines_that_clients_are_told_to_copy() -> None:
    page = blocks("The session", "Live updates")
    own = page["src/session.ts"].replace(ADDRESS, "`${location.origin}/graphql`")
    for name, text in (page | {"src/session.ts": own}).items():
        assert (FOLDER / name).read_text() == text, name
