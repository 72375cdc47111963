"""The example front end as it was built, and windows in which people use it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from db.demo import PASSWORD
from tests.server import free_port

FOLDER = Path(__file__).parent.parent.parent / "examples" / "reader"


@contextmanager
def previewed(api: str) -> Iterator[str]:
    """The address of the reader in front of a server, as `npm run preview` serves it."""
    assert (FOLDER / "dist" / "index.html").exists(), (
        "`make test-browser` builds the reader before it tests it."
    )
    port = str(free_port())
    vite = (str(FOLDER / "node_modules" / ".bin" / "vite"), "preview", "--host", "127.0.0.1")
    process = subprocess.Popen(
        [*vite, "--port", port, "--strictPort"],
        cwd=FOLDER,
        env={**os.environ, "GAZETTE_URL": api},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            httpx.get(address).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nothing is served at {address}")


class Person:
    """Somebody who uses the API without a window."""

    def __init__(self, address: str, username: str) -> None:
        self._url = f"{address}/graphql"
        self._headers: dict[str, str] = {}
        document = """mutation ($username: String!, $password: String!) {
          logIn(input: {username: $username, password: $password}) {tokens {accessToken}}
        }"""
        tokens = self.ask(document, username=username, password=PASSWORD)["logIn"]["tokens"]
        self._headers = {"Authorization": f"Bearer {tokens['accessToken']}"}

    def ask(self, document: str, **variables: object) -> Any:
        request = {"query": document, "variables": variables}
        answer = httpx.post(self._url, json=request, headers=self._headers, timeout=60).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def post(self, title: str, body: str = "Some text.") -> dict[str, str]:
        """A new post that everybody reads: its id and its slug."""
        document = """mutation ($input: CreatePostInput!) {createPost(input: $input) {post {id slug}}}"""
        post: dict[str, str] = self.ask(document, input={"title": title, "body": body})["createPost"]["post"]
        self.ask("mutation ($id: ID!) {publishPost(input: {id: $id}) {post {id}}}", id=post["id"])
        return post

    def tag(self, post: dict[str, str], *tags: str) -> None:
        document = "mutation ($input: UpdatePostInput!) {updatePost(input: $input) {post {id}}}"
        self.ask(document, input={"id": post["id"], "tags": tags})

    def comment(self, post: dict[str, str], body: str, parent: str | None = None) -> str:
        """Its id."""
        given = {"postId": post["id"], "body": body, "parentId": parent}
        document = "mutation ($input: CreateCommentInput!) {createComment(input: $input) {comment {id}}}"
        return str(self.ask(document, input=given)["createComment"]["comment"]["id"])

    def bodies(self, post: dict[str, str]) -> list[str]:
        """What is said about a post, oldest first."""
        document = "query ($id: ID!) {post(by: {id: $id}) {comments(first: 100) {nodes {body}}}}"
        return [node["body"] for node in self.ask(document, id=post["id"])["post"]["comments"]["nodes"]]


class Window:
    """The reader in a browser."""

    def __init__(self, browser: Chrome, address: str) -> None:
        self.browser = browser
        self.address = address

    def open(self, post: dict[str, str] | None = None) -> None:
        """A post, or the list."""
        self.browser.get(f"{self.address}/#/" + (f"posts/{post['slug']}" if post else ""))
        if post:
            self.find(".comments")

    def until(self, is_so: Callable[[], object]) -> None:
        """What is drawn anew while it is looked at is looked at again."""
        wait = WebDriverWait(self.browser, 60, ignored_exceptions=[StaleElementReferenceException])
        wait.until(lambda _: is_so())

    def all(self, css: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, css)

    def find(self, css: str) -> WebElement:
        """The first, as soon as it is there."""
        self.until(lambda: self.all(css))
        return self.all(css)[0]

    def texts(self, css: str) -> list[str]:
        # In one step, so that nothing is drawn anew in between, and also of what is too far away to be drawn.
        script = "return [...document.querySelectorAll(arguments[0])].map(found => found.textContent)"
        found: list[str] = self.browser.execute_script(script, css)
        return found

    def text(self) -> str:
        return str(self.browser.execute_script("return document.body.innerText"))

    def shows(self, text: str) -> None:
        self.until(lambda: text in self.text())

    def press(self, name: str, within: str = "body") -> None:
        """The last button of this name, as soon as it is there."""

        def press() -> bool:
            buttons = [button for button in self.all(f"{within} button") if button.text == name]
            if buttons:
                self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", buttons[-1])
                buttons[-1].click()
            return bool(buttons)

        self.until(press)

    def write(self, label: str, text: str) -> WebElement:
        """Into what has this label, instead of what is there."""
        self.until(lambda: label in self.texts("label"))
        [found] = [element for element in self.all("label") if element.text == label]
        target = found.get_attribute("for")
        field = (
            self.browser.find_element(By.ID, target) if target else found.find_element(By.TAG_NAME, "input")
        )
        field.clear()
        field.send_keys(text)
        return field

    def log_in(self, username: str) -> None:
        self.press("Log in", ".masthead")
        self.fill_in(username, PASSWORD)
        self.until(lambda: not self.all("dialog"))

    def fill_in(self, username: str, password: str) -> None:
        """The dialog in which one logs in, and send it."""
        self.write("Username", username)
        self.write("Password", password)
        self.press("Log in", "dialog")

    def comments(self) -> list[str]:
        """What is said, from top to bottom."""
        return self.texts(".said")

    def screenshot(self, name: str, height: int = 760) -> None:
        """The page from its top, where GAZETTE_SCREENSHOTS names a folder."""
        if folder := os.environ.get("GAZETTE_SCREENSHOTS"):
            size = {"width": 900, "height": height, "deviceScaleFactor": 1, "mobile": False}
            self.browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            self.browser.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
            # Selenium answers False where the file cannot be written.
            assert self.browser.save_screenshot(Path(folder) / name)
