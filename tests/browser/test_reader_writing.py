"""The example front end as people write in it: who they are, what they say, and what they say otherwise."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from db.demo import PASSWORD
from tests.browser.reader import Person, Window, previewed
from tests.conftest import NewUrl
from tests.server import gazette, serving

BODY = """We asked for comments, and for a while there were none. Then we began to answer, all of them.

> People come back to where somebody listens.

Half a year later nobody wants to go back."""
HELLO = "How long did it take until the first reader came back?"
REPLY = "About three weeks. Most of them had a question like yours."
FIRST = "We tried this for a month with our team."
MINE = "We tried this for a month with our team, and kept it. Best was to change one thing at a time."
THEIRS = (
    "We tried this for a month with our team. The first two weeks are hard; then nobody wants to go back."
)


@pytest.fixture
def ada(reader_api: str) -> Person:
    return Person(reader_api, "ada")


def test_a_wrong_password_is_told_and_a_right_one_logs_in(window: Window) -> None:
    window.open()
    window.press("Log in", ".masthead")
    window.fill_in("ada", "not hers at all")
    window.until(lambda: window.texts("dialog [role=alert]"))
    assert window.texts("dialog [role=alert]") == ["The username or the password is wrong."]
    window.fill_in("ada", PASSWORD)
    window.until(lambda: not window.all("dialog"))
    assert window.find(".account").text.startswith("Ada Lovelace")
    window.press("Log out")
    window.press("Log in", ".masthead")


def test_what_a_stranger_types_is_sent_after_a_log_in(window: Window, ada: Person) -> None:
    post = ada.post("For strangers")
    window.open(post)
    window.write("Be the first to say something", "Typed as a stranger")
    window.press("Log in to send")
    window.fill_in("ben", PASSWORD)
    window.until(lambda: not window.all("dialog"))
    window.press("Send")
    window.until(lambda: window.comments() == ["Typed as a stranger"])
    assert window.find(".composer textarea").get_attribute("value") == ""
    assert ada.bodies(post) == ["Typed as a stranger"]


@pytest.fixture
def plain_http(browser: Chrome) -> Iterator[None]:
    """Browsers have fewer functions there."""
    secure_only = {"source": "delete Crypto.prototype.randomUUID"}
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", secure_only)
    yield
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


@pytest.mark.usefixtures("plain_http")
def test_a_page_over_plain_http_can_send_too(window: Window, ada: Person) -> None:
    post = ada.post("Over plain HTTP")
    window.open(post)
    window.log_in("ben")
    window.write("Be the first to say something", "From the next room")
    window.press("Send")
    window.until(lambda: window.comments() == ["From the next room"])


def test_what_is_refused_is_told_and_kept(window: Window, ada: Person) -> None:
    window.open(ada.post("Too much"))
    window.log_in("ben")
    field = window.write("Be the first to say something", "")
    window.browser.execute_script(
        """const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set;
        set.call(arguments[0], 'x'.repeat(20000));
        arguments[0].dispatchEvent(new Event('input', {bubbles: true}));""",
        field,
    )
    window.press("Send")
    window.until(lambda: window.texts(".composer [role=alert]"))
    assert len(str(window.find(".composer textarea").get_attribute("value"))) == 20_000


@pytest.fixture(params=["sqlite", "postgresql"])
def front_end(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A server and the reader before it: one process on SQLite, two workers on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("reader_api"), request.getfixturevalue("reader_address")
        return
    new_url: NewUrl = request.getfixturevalue("new_postgresql_url")
    url = new_url()
    assert (
        gazette("seed", "--users", "3", "--posts", "3", "--comments", "0", DATABASE_URL=url).returncode == 0
    )
    with serving(url, arguments=("--workers", "2")) as api, previewed(api) as address:
        yield api, address


def test_a_comment_is_there_at_once_and_live_in_another_window(
    browser: Chrome, another_browser: Chrome, front_end: tuple[str, str], console: None
) -> None:
    """The console comes last, so that it is looked at before the server stops."""
    api, address = front_end
    ada = Person(api, "ada")
    post = ada.post("What a small team learned from its readers", BODY)
    ada.tag(post, "Writing", "Communities")
    window, another = Window(browser, address), Window(another_browser, address)
    for opened in (window, another):
        opened.open(post)
    window.log_in("ada")
    window.write("Be the first to say something", HELLO)
    window.press("Send")
    for shown in (window, another):
        shown.until(lambda shown=shown: shown.comments() == [HELLO])  # type: ignore[misc] # The loop's variable.
    another.log_in("ben")
    another.press("Reply")
    another.write("Reply to Ada Lovelace", REPLY)
    another.press("Send", ".thread")
    for shown in (another, window):
        shown.until(lambda shown=shown: shown.texts(".thread .thread .said") == [REPLY])  # type: ignore[misc] # The loop's variable.
        # Also where it was written, and heard as well.
        assert shown.comments() == [HELLO, REPLY]
        assert shown.texts("#comments") == ["2 comments"]
    [name] = another.texts(".account span")
    another.screenshot("reader-post.png", 1060)
    assert window.texts(".comments [role=status]") == [f"New comment by {name}: {REPLY}"]


def in_conflict(window: Window, another: Window, edit: str, label: str) -> None:
    """Somebody edits the same text in two windows; the first has saved its own when the second one saves."""
    for opened in (window, another):
        opened.press("Edit", edit)
    another.write(label, THEIRS)
    another.press("Save")
    another.until(lambda: not another.all(".editor"))
    window.write(label, MINE)
    window.press("Save")
    window.shows("This was changed while you were writing")
    assert window.texts(".theirs") == [THEIRS]
    assert window.find(".conflict textarea").get_attribute("value") == MINE


@pytest.fixture
def both(window: Window, another_window: Window) -> tuple[Window, Window]:
    for opened in (window, another_window):
        opened.open()
        opened.log_in("ada")
    return window, another_window


def go(window: Window, post: dict[str, str]) -> None:
    """Without a reload, which would log out."""
    window.browser.execute_script("location.hash = arguments[0]", f"#/posts/{post['slug']}")
    window.find(".comments")


def test_a_conflict_shows_both_texts_and_mine_can_be_kept(both: tuple[Window, Window], ada: Person) -> None:
    window, another = both
    post = ada.post("Small changes", "Begin with the smallest part.")
    ada.comment(post, FIRST)
    for opened in both:
        go(opened, post)
    in_conflict(window, another, ".thread", "Your comment")
    window.screenshot("reader-conflict.png", 810)
    window.write("Yours", "What both windows say")
    window.press("Keep mine")
    window.until(lambda: window.comments() == ["What both windows say"])
    assert ada.bodies(post) == ["What both windows say"]
    assert "edited" in window.texts(".thread .meta")[0]


def test_a_conflict_may_be_followed_by_another(both: tuple[Window, Window], ada: Person) -> None:
    window, another = both
    post = ada.post("Again and again", "A text.")
    ada.comment(post, FIRST)
    for opened in both:
        go(opened, post)
    in_conflict(window, another, ".thread", "Your comment")
    another.press("Edit", ".thread")
    another.write("Your comment", "And once more")
    another.press("Save")
    another.until(lambda: another.comments() == ["And once more"])
    window.press("Keep mine")
    window.until(lambda: window.texts(".theirs") == ["And once more"])
    assert window.find(".conflict textarea").get_attribute("value") == MINE
    assert ada.bodies(post) == ["And once more"]


def test_a_conflict_about_a_post_and_theirs_is_taken(both: tuple[Window, Window], ada: Person) -> None:
    window, another = both
    post = ada.post("A post in two windows", "A text.")
    for opened in both:
        go(opened, post)
    in_conflict(window, another, ".post", "The post's text, in Markdown")
    window.press("Take theirs")
    assert window.find(".body").text == THEIRS
    document = "query ($id: ID!) {post(by: {id: $id}) {body}}"
    assert ada.ask(document, id=post["id"])["post"]["body"] == THEIRS


def test_what_is_read_while_one_writes_hides_no_conflict(window: Window, ada: Person) -> None:
    """With the next page of comments comes the post as it is by then."""
    post = ada.post("Read and written", "A text.")
    for number in range(51):
        ada.comment(post, f"comment {number}")
    window.open(post)
    window.log_in("ada")
    window.press("Edit", ".post")
    ada.ask(
        "mutation ($input: UpdatePostInput!) {updatePost(input: $input) {post {id}}}",
        input={"id": post["id"], "body": THEIRS},
    )
    window.press("More comments, 50 of 51 are shown")
    window.until(lambda: len(window.comments()) == 51)
    window.write("The post's text, in Markdown", MINE)
    window.press("Save")
    window.until(lambda: window.texts(".theirs") == [THEIRS])


def test_only_ones_own_can_be_edited(window: Window, ada: Person, reader_api: str) -> None:
    people = ada.ask("{users(first: 5) {nodes {username role}}}")["users"]["nodes"]
    username = next(person["username"] for person in people if person["role"] == "USER")
    post = ada.post("Not theirs")
    Person(reader_api, username).comment(post, "Their own")
    ada.comment(post, "Ada's")
    window.open(post)
    assert [button.text for button in window.all("main button") if button.text == "Edit"] == []
    window.log_in(username)
    window.find(".account span")
    window.until(lambda: [button.text for button in window.all("main button")].count("Edit") == 1)
    window.press("Edit")
    assert window.find(".editor textarea").get_attribute("value") == "Their own"
