"""The log-in of GraphiQL, with a real server."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as until

from tests.browser.explorer import (
    ACCOUNT,
    DIALOG,
    EXECUTE,
    HEADERS,
    PASSWORD_FIELD,
    SUBMIT,
    USERNAME,
    Another,
    log_in,
    log_out,
    open_explorer,
    run,
    try_log_in,
    wait,
    write,
)
from tests.conftest import NewUrl
from tests.server import Server, gazette

pytestmark = pytest.mark.usefixtures("console")

VIEWER = "{viewer {username}}"
# What the browser keeps of the page, and so keeps when it is closed.
STORED = "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
AN_HOUR_BEHIND = "{const now = Date.now; Date.now = () => now() - 3_600_000;}"


@pytest.fixture(scope="module")
def short_lived(sqlite_databases: NewUrl) -> Iterator[str]:
    """A server whose access tokens are good for 3 seconds."""
    url = sqlite_databases()
    assert (
        gazette("seed", "--users", "3", "--posts", "3", "--comments", "3", DATABASE_URL=url).returncode == 0
    )
    server = Server(url, "tests.short_lived", "3")
    server.start()
    yield server.address
    server.stop()


def test_whoever_logs_in_is_the_viewer_until_they_log_out(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    run(browser, VIEWER, "null")
    log_in(browser, "ada")
    run(browser, VIEWER, '"ada"')
    elsewhere = Another(server_url, "ada")
    sessions = elsewhere.sessions()
    log_out(browser)
    run(browser, VIEWER, "null")
    assert elsewhere.sessions() == sessions - 1


def test_an_author_sees_a_draft(browser: Chrome, server_url: str) -> None:
    draft = Another(server_url, "ben").write_post("A draft of mine", is_draft=True)
    query = f'{{node(id: "{draft}") {{... on Post {{title}}}}}}'
    open_explorer(browser, server_url)
    run(browser, query, "null")
    log_in(browser, "ben")
    run(browser, query, "A draft of mine")


def test_a_wrong_password_is_told_in_the_words_of_the_api(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    try_log_in(browser, "ada", "not her password")
    told = (By.CSS_SELECTOR, "[role=dialog] [role=alert]")
    wait(browser).until(until.text_to_be_present_in_element(told, "The username or the password is wrong."))
    assert browser.switch_to.active_element == browser.find_element(*PASSWORD_FIELD)
    assert browser.find_element(*ACCOUNT).text == "Log in"


def test_a_header_of_ones_own_wins(browser: Chrome, server_url: str) -> None:
    token = Another(server_url, "ben").token
    open_explorer(browser, server_url)
    log_in(browser, "ada")
    write(browser, f'{{"authorization": "Bearer {token}"}}', HEADERS)
    run(browser, VIEWER, '"ben"')


def test_it_can_be_used_without_a_mouse_or_eyes(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    button = browser.find_element(*ACCOUNT)
    assert (button.aria_role, button.accessible_name) == ("button", "Log in")
    button.send_keys(Keys.ENTER)
    dialog = wait(browser).until(until.visibility_of_element_located(DIALOG))
    assert dialog.accessible_name == "Log in"
    names = [browser.find_element(*field).accessible_name for field in (USERNAME, PASSWORD_FIELD, SUBMIT)]
    assert names == ["Username or email", "Password", "Log in"]
    assert browser.switch_to.active_element == browser.find_element(*USERNAME)
    browser.switch_to.active_element.send_keys("ada", Keys.TAB)
    browser.switch_to.active_element.send_keys("gazette-demo", Keys.ENTER)
    wait(browser).until(until.invisibility_of_element_located(DIALOG))
    wait(browser).until(lambda browser: browser.switch_to.active_element == browser.find_element(*ACCOUNT))
    assert browser.find_element(*ACCOUNT).accessible_name == "ada, logged in"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    dialog = wait(browser).until(until.visibility_of_element_located(DIALOG))
    assert dialog.accessible_name == "Logged in as ada"
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait(browser).until(lambda browser: browser.switch_to.active_element == browser.find_element(*ACCOUNT))


def test_demo_accounts_are_named_on_ones_own_machine_only(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    browser.find_element(*ACCOUNT).click()
    dialog = wait(browser).until(until.visibility_of_element_located(DIALOG))
    assert "gazette-demo" in dialog.text
    # Any name that ends so is this machine, by the standard; a page is not told.
    open_explorer(browser, server_url.replace("127.0.0.1", "gazette.localhost"))
    browser.find_element(*ACCOUNT).click()
    dialog = wait(browser).until(until.visibility_of_element_located(DIALOG))
    assert "gazette-demo" not in dialog.text


def test_a_log_in_outlives_a_reload_and_is_nowhere_else(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    log_in(browser, "ada")
    run(browser, VIEWER, '"ada"')
    assert_no_secret(browser)
    browser.refresh()
    wait(browser).until(until.text_to_be_present_in_element(ACCOUNT, "ada"))
    run(browser, VIEWER, '"ada"')
    assert_no_secret(browser)
    browser.get("about:blank")
    browser.back()
    wait(browser).until(until.text_to_be_present_in_element(ACCOUNT, "ada"))
    assert_no_secret(browser)
    # A window that it opens gets a copy of what is in its session storage.
    browser.execute_script("window.open('/graphql')")
    browser.switch_to.window(browser.window_handles[1])
    wait(browser).until(until.text_to_be_present_in_element(ACCOUNT, "Log in"))


def test_who_has_logged_out_is_not_back_after_a_reload(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    log_in(browser, "ada")
    browser.refresh()
    wait(browser).until(until.text_to_be_present_in_element(ACCOUNT, "ada"))
    log_out(browser)
    browser.refresh()
    wait(browser).until(until.element_to_be_clickable(EXECUTE))
    assert browser.find_element(*ACCOUNT).text == "Log in"


def assert_no_secret(browser: Chrome) -> None:
    stored = browser.execute_script(STORED)
    assert "graphiql:" in stored
    for secret in ("accessToken", "refreshToken", "eyJ", "gazette-demo"):
        assert secret not in stored


@pytest.mark.parametrize("clock", ["", AN_HOUR_BEHIND], ids=["right", "behind"])
def test_an_access_token_is_renewed(browser: Chrome, short_lived: str, clock: str) -> None:
    """Before it expires; by a clock that is wrong, when it is refused."""
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": clock})
    open_explorer(browser, short_lived)
    log_in(browser, "ada")
    expired = "return performance.now() > arguments[0]"
    until_then = browser.execute_script("return performance.now() + 4000")
    wait(browser).until(lambda browser: browser.execute_script(expired, until_then))
    run(browser, VIEWER, '"ada"')
