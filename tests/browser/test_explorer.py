"""GraphiQL as people see it."""

import os
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as until
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = pytest.mark.usefixtures("console")

EXECUTE = (By.CSS_SELECTOR, "button.graphiql-execute-button")
RESPONSE = (By.CSS_SELECTOR, ".graphiql-response .CodeMirror-code")
DOCUMENTATION = (By.CSS_SELECTOR, "button[aria-label='Show Documentation Explorer']")
PLUGIN = (By.CSS_SELECTOR, ".graphiql-plugin")


def wait(browser: Chrome) -> WebDriverWait[Chrome]:
    return WebDriverWait(browser, 20)


def open_explorer(browser: Chrome, server_url: str) -> None:
    browser.get(f"{server_url}/graphql")
    wait(browser).until(until.element_to_be_clickable(EXECUTE))


def test_it_opens_with_a_query_and_runs_it(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    assert browser.title == "Gazette · GraphiQL"
    assert "query Feed" in browser.find_element(By.CSS_SELECTOR, ".graphiql-query-editor").text
    browser.find_element(*EXECUTE).click()
    wait(browser).until(until.text_to_be_present_in_element(RESPONSE, '"title"'))
    if folder := os.environ.get("GAZETTE_SCREENSHOTS"):
        browser.save_screenshot(Path(folder) / "explorer.png")


def test_the_documentation_explains_types_and_fields(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    browser.find_element(*DOCUMENTATION).click()
    wait(browser).until(until.text_to_be_present_in_element(PLUGIN, "Query"))
    browser.find_element(By.CSS_SELECTOR, ".graphiql-plugin a.graphiql-doc-explorer-type-name").click()
    wait(browser).until(until.text_to_be_present_in_element(PLUGIN, "posts("))
    assert "All posts." in browser.find_element(*PLUGIN).text


def test_everything_comes_from_our_own_origin(browser: Chrome, server_url: str) -> None:
    open_explorer(browser, server_url)
    names = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    loaded = [name for name in browser.execute_script(names) if not name.startswith("data:")]
    assert len(loaded) >= 6
    assert [name for name in loaded if not name.startswith(server_url)] == []


def test_the_root_leads_there(browser: Chrome, server_url: str) -> None:
    browser.get(server_url)
    wait(browser).until(until.element_to_be_clickable(EXECUTE))
    assert browser.current_url == f"{server_url}/graphql"
