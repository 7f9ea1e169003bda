"""Reading a page as somebody does who looks at it: its words, its links, its table."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Protocol, Self
from urllib.parse import urljoin

from django.contrib.auth.models import User
from django.test import Client

SILENT = {"script", "style", "title"}
VOID = {"meta", "link", "input", "br", "img", "hr"}


@dataclass
class Node:
    """An element: its attributes, and everything in it in order."""

    tag: str
    attributes: dict[str, str]
    children: list["Node | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words in it, as one line."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split()) if self.tag not in SILENT else ""

    def all(self, tag: str = "", style: str = "") -> list["Node"]:
        """Elements within, in order, of this tag and with this class."""
        nodes = [child for child in self.children if isinstance(child, Node)]
        found: list[Node] = []
        for node in nodes:
            if node.tag == (tag or node.tag) and (
                not style or style in node.attributes.get("class", "").split()
            ):
                found.append(node)
            found += node.all(tag, style)
        return found

    def one(self, tag: str = "", style: str = "") -> "Node":
        [found] = self.all(tag, style)
        return found

    @property
    def href(self) -> str:
        return self.attributes["href"]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    @classmethod
    def read(cls, html: str) -> Node:
        reader = cls()
        reader.feed(html)
        assert len(reader.open) == 1, f"never closed: {[node.tag for node in reader.open[1:]]}"
        return reader.open[0]


class Answer(Protocol):
    """What a page is read from: an answer of Django's, or of its test client."""

    status_code: int
    content: bytes


@dataclass(frozen=True)
class Page:
    """An answer that was looked at. Reading it fails when its elements do not nest."""

    status: int
    address: str
    html: str
    root: Node

    @classmethod
    def of(cls, response: Answer, address: str) -> Self:
        html = response.content.decode()
        return cls(response.status_code, address, html, _Reader.read(html))

    @property
    def content(self) -> Node:
        [main] = self.root.all("main")
        return main

    @property
    def names(self) -> list[str]:
        """Of the people whom it lists, in order."""
        return [node.text for node in self.content.all("span", "name")]

    def link(self, words: str) -> str:
        """Where the link with these words leads."""
        [found] = [node for node in self.root.all("a") if node.text == words]
        return urljoin(self.address, found.href)


def signed_in(user: User) -> Client:
    """This user's browser."""
    client = Client()
    client.force_login(user)
    return client


def visit(client: Client, address: str, **headers: str) -> Page:
    """The page under this address, redirects followed."""
    response = client.get(address, headers=headers, follow=True)
    chain = getattr(response, "redirect_chain", [])
    return Page.of(response, chain[-1][0] if chain else address)


def people_count(page: Page) -> int:
    """The number that a list of people says it has."""
    found = re.search(r"(\d+) (?:person|people)\b", page.content.one("p", "subtitle").text)
    assert found, page.content.text
    return int(found[1])
