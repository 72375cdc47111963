"""GraphiQL as people see it."""

import json

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as until

from gql.explorer import CONTENT_SECURITY_POLICY
from tests.browser.explorer import (
    DIALOG,
    EXECUTE,
    HEADERS,
    RESPONSE,
    VARIABLES,
    open_explorer,
    picture,
    run,
    wait,
    write,
)

pytestmark = pytest.mark.usefixtures("console")

DOCUMENTATION = (By.CSS_SELECTOR, "button[aria-label='Show Documentation Explorer']")
HISTORY = (By.CSS_SELECTOR, "button[aria-label='Show History']")
PLUGIN = (By.CSS_SELECTOR, ".graphiql-plugin")
NEW_TAB = (By.CSS_SELECTOR, "button[aria-label='New tab']")
TABS = (By.CSS_SELECTOR, ".graphiql-tab-button")


def test_it_opens_with_a_query_and_runs_it(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    assert browser.title == "Gazette · GraphiQL"
    assert "query Feed" in browser.find_element(By.CSS_SELECTOR, ".graphiql-query-editor").text
    browser.find_element(*EXECUTE).click()
    wait(browser).until(until.text_to_be_present_in_element(RESPONSE, '"title"'))
    picture(browser, "explorer")


def test_the_documentation_explains_types_and_fields(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    browser.find_element(*DOCUMENTATION).click()
    wait(browser).until(until.text_to_be_present_in_element(PLUGIN, "Query"))
    browser.find_element(By.CSS_SELECTOR, ".graphiql-plugin a.graphiql-doc-explorer-type-name").click()
    wait(browser).until(until.text_to_be_present_in_element(PLUGIN, "posts("))
    assert "All posts." in browser.find_element(*PLUGIN).text


@pytest.mark.parametrize("name", ["short keys", "settings"])
def test_dialogs_open_under_the_content_security_policy(browser: Chrome, server_url: str, name: str) -> None:
    """They want to write a style element, which the policy forbids; the console would tell."""
    open_explorer(browser, server_url)
    browser.find_element(By.CSS_SELECTOR, f"button[aria-label='Open {name} dialog']").click()
    wait(browser).until(until.visibility_of_element_located(DIALOG))


def loaded(browser: Chrome) -> list[str]:
    names = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    return [name for name in browser.execute_script(names) if not name.startswith("data:")]


def test_everything_comes_from_our_own_origin(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    browser.find_element(*EXECUTE).click()
    wait(browser).until(until.text_to_be_present_in_element(RESPONSE, '"title"'))
    names = loaded(browser)
    assert len(names) >= 7  # Four scripts, two style sheets and the result.
    assert [name for name in names if not name.startswith(f"{server_url}/")] == []


def test_browsers_ask_for_every_file_again_and_for_no_missing_one(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    files = [name for name in loaded(browser) if name.startswith(f"{server_url}/explorer/")]
    assert len(files) >= 6
    for file in files:
        response = httpx.get(file)
        assert response.headers["cache-control"] == "no-cache", file
        assert "sourceMappingURL" not in response.text, file


def test_the_page_has_its_policy_by_its_file_name_too(server_url: str) -> None:
    for path in ("graphql", "explorer/explorer.html"):
        response = httpx.get(f"{server_url}/{path}", headers={"Accept": "text/html"})
        assert CONTENT_SECURITY_POLICY in response.headers.get_list("content-security-policy")


def test_the_root_leads_there(browser: Chrome, server_url: str) -> None:
    browser.get(server_url)
    wait(browser).until(until.element_to_be_clickable(EXECUTE))
    assert browser.current_url == f"{server_url}/graphql"


def test_a_first_visit_has_an_example_of_a_subscription(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    assert [tab.text for tab in browser.find_elements(*TABS)] == ["Feed", "Published"]
    browser.find_elements(*TABS)[1].click()
    editor = (By.CSS_SELECTOR, ".graphiql-query-editor")
    wait(browser).until(until.text_to_be_present_in_element(editor, "subscription Published"))


def test_tabs_and_history_outlive_a_reload_without_headers(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    browser.find_element(*NEW_TAB).click()
    write(browser, '{"X-Request-ID": "my-own-header"}', HEADERS)
    write(browser, '{"first": 1}', VARIABLES)
    run(browser, "query Mine($first: Int) {posts(first: $first) {totalCount}}", "totalCount")
    wait(browser).until(lambda browser: "Mine" in stored(browser)["tabState"])
    browser.refresh()
    wait(browser).until(until.element_to_be_clickable(EXECUTE))
    assert [tab.text for tab in browser.find_elements(*TABS)] == ["Feed", "Published", "Mine"]
    browser.find_element(*EXECUTE).click()
    wait(browser).until(until.text_to_be_present_in_element(RESPONSE, "totalCount"))
    browser.find_element(*HISTORY).click()
    wait(browser).until(until.text_to_be_present_in_element(PLUGIN, "Mine"))
    (entry,) = json.loads(stored(browser)["queries"])["queries"]
    assert entry["variables"] == '{"first": 1}'
    assert "my-own-header" not in json.dumps(stored(browser))


def stored(browser: Chrome) -> dict[str, str]:
    """What GraphiQL has in the browser's storage, by its own names."""
    kept: dict[str, str] = browser.execute_script("return {...localStorage}")
    assert all(key.startswith("gazette:graphiql:") for key in kept)
    return {key.removeprefix("gazette:graphiql:"): value for key, value in kept.items()}
