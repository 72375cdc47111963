"""GraphiQL as a person uses it, and the API as another client uses it meanwhile."""

import os
from pathlib import Path
from typing import Any

import httpx
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as until
from selenium.webdriver.support.wait import WebDriverWait

from db.demo import PASSWORD

EXECUTE = (By.CSS_SELECTOR, "button.graphiql-execute-button")
STOP = (By.CSS_SELECTOR, "button.graphiql-execute-button[aria-label^=Stop]")
RESPONSE = (By.CSS_SELECTOR, ".graphiql-response .CodeMirror-code")
DIALOG = (By.CSS_SELECTOR, "[role=dialog]")
ACCOUNT = (By.CSS_SELECTOR, "button.explorer-account")
SUBMIT = (By.CSS_SELECTOR, "[role=dialog] button.explorer-submit")
USERNAME = (By.NAME, "username")
PASSWORD_FIELD = (By.NAME, "password")

QUERY, VARIABLES, HEADERS = range(3)
_EDITOR = (
    "const editor = document.querySelectorAll('.graphiql-editors .CodeMirror')[arguments[0]].CodeMirror;"
)
_IS_READ = f"{_EDITOR} return editor.documentAST?.loc.source.body === editor.getValue()"


def wait(browser: Chrome) -> WebDriverWait[Chrome]:
    return WebDriverWait(browser, 20)


def open_explorer(browser: Chrome, server_url: str) -> None:
    browser.get(f"{server_url}/graphql")
    wait(browser).until(until.element_to_be_clickable(EXECUTE))


def write(browser: Chrome, text: str, editor: int = QUERY) -> None:
    browser.execute_script(f"{_EDITOR} editor.setValue(arguments[1])", editor, text)
    if editor == QUERY:
        # GraphiQL reads what it is to run a moment later.
        wait(browser).until(lambda browser: browser.execute_script(_IS_READ, editor))


def run(browser: Chrome, query: str, shown: str) -> None:
    """Run it, and wait until its answer shows this."""
    write(browser, query)
    browser.find_element(*EXECUTE).click()
    wait(browser).until(until.text_to_be_present_in_element(RESPONSE, shown))


def try_log_in(browser: Chrome, username: str, password: str) -> None:
    browser.find_element(*ACCOUNT).click()
    wait(browser).until(until.element_to_be_clickable(USERNAME)).send_keys(username)
    browser.find_element(*PASSWORD_FIELD).send_keys(password)
    browser.find_element(*SUBMIT).click()


def log_in(browser: Chrome, username: str) -> None:
    try_log_in(browser, username, PASSWORD)
    wait(browser).until(until.text_to_be_present_in_element(ACCOUNT, username))


def log_out(browser: Chrome) -> None:
    browser.find_element(*ACCOUNT).click()
    wait(browser).until(until.element_to_be_clickable(SUBMIT)).click()
    wait(browser).until(until.text_to_be_present_in_element(ACCOUNT, "Log in"))


def picture(browser: Chrome, name: str) -> None:
    """For the README, where GAZETTE_SCREENSHOTS names a folder."""
    if folder := os.environ.get("GAZETTE_SCREENSHOTS"):
        # The marks to fold it by come a moment after the text.
        mark = (By.CSS_SELECTOR, ".graphiql-response .CodeMirror-foldgutter-open")
        wait(browser).until(until.presence_of_element_located(mark))
        # Selenium answers False where the file cannot be written.
        assert browser.save_screenshot(Path(folder) / f"{name}.png")


class Another:
    """Another client of the same server, logged in as somebody."""

    def __init__(self, server_url: str, username: str) -> None:
        self._address = f"{server_url}/graphql"
        self._headers: dict[str, str] = {}
        document = "mutation ($input: LogInInput!) {logIn(input: $input) {tokens {accessToken}}}"
        issued = self.data(document, input={"username": username, "password": PASSWORD})["logIn"]["tokens"]
        self.token: str = issued["accessToken"]
        self._headers = {"Authorization": f"Bearer {self.token}"}

    def data(self, document: str, **variables: Any) -> Any:
        request = {"query": document, "variables": variables}
        answer = httpx.post(self._address, json=request, headers=self._headers).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def write_post(self, title: str, *, is_draft: bool = False) -> str:
        """Its id."""
        create = 'mutation ($title: String!) {createPost(input: {title: $title, body: "."}) {post {id}}}'
        post: str = self.data(create, title=title)["createPost"]["post"]["id"]
        if not is_draft:
            self.data("mutation ($id: ID!) {publishPost(input: {id: $id}) {post {id}}}", id=post)
        return post

    def comment(self, post: str, body: str) -> None:
        create = "mutation ($input: CreateCommentInput!) {createComment(input: $input) {comment {id}}}"
        assert self.data(create, input={"postId": post, "body": body})["createComment"]["comment"]

    def sessions(self) -> int:
        """How many there are of this user."""
        count: int = self.data("{viewer {sessions {totalCount}}}")["viewer"]["sessions"]["totalCount"]
        return count
