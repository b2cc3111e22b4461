"""Reading a page as a reader's tools do: is it well formed, what does it say, where does it lead."""

import re
from html.parser import HTMLParser
from http import HTTPStatus

from flask.testing import FlaskClient

VOID = {"meta", "link", "input", "br", "hr", "img"}
SELF_CLOSING = {"path", "rect", "circle"}


class Page(HTMLParser):
    """Raises AssertionError where elements are not closed in order, ids are doubled or attributes repeated."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.elements: list[str] = []
        self.words: list[str] = []
        self.title = ""
        self.h1 = ""
        self.language = ""
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"
        assert len(self.ids) == len(set(self.ids)), f"ids are doubled: {self.ids}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute: {names}"
        given = dict(attrs)
        self.elements.append(tag)
        self.attributes.update(names)
        if "id" in given and tag != "pattern":
            self.ids.append(given["id"] or "")
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag == "html":
            self.language = given.get("lang") or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SELF_CLOSING, f"<{tag}/> closes itself"
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        if "title" in self.open and "svg" not in self.open:
            self.title += data
        if "h1" in self.open:
            self.h1 += data
        self.words.append(data)

    @property
    def text(self) -> str:
        """What it says, with every white space as one plain space."""
        return plain(" ".join(self.words))


def plain(text: str) -> str:
    return re.sub(r"[\s\u00a0\u202f]+", " ", text).strip()


def get(client: FlaskClient, address: str, **more: str) -> Page:
    response = client.get(address, headers=more)
    assert response.status_code == HTTPStatus.OK, f"{address}: {response.status}"
    assert response.mimetype == "text/html"
    return Page(response.get_data(as_text=True))
