"""POST /v1/pictures: images and snapshots, also those that somebody made to do harm."""

import gzip
import io
import json
import struct
import uuid
import zlib
from collections.abc import Callable

import httpx
import pytest
from django.core.files.storage import default_storage
from django.utils.timezone import now
from PIL import Image, PngImagePlugin

from analytics.ingest.local import LocalIngest
from feedback import pictures
from feedback.comments import delete_comment
from feedback.models import Comment, Picture
from tests import people
from tests.analytics.console.pages import signed_in
from tests.feedback.embed.visiting import Visitor, token
from tests.people import Team

SCRIPT = b"<script>alert(document.domain)</script>"


@pytest.fixture
def ana(team: Team, door: LocalIngest) -> Visitor:
    return Visitor(team, door, token(team, "ana"))


def image(kind: str = "PNG", size: tuple[int, int] = (40, 30), **more: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, kind, **more)
    return written.getvalue()


def upload(
    visitor: Visitor, content: bytes, *, kind: str = "image", message: str = "", **headers: str
) -> httpx.Response:
    path = f"pictures?kind={kind}&messageId={message or uuid.uuid4()}"
    return visitor.request("POST", path, content, **headers)


def kept(team: Team) -> tuple[Picture, bytes]:
    picture = Picture.objects.get(project=team.id)
    with default_storage.open(str(picture.file.name)) as file:
        return picture, file.read()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_belongs_to_its_comment(team: Team, ana: Visitor, kind: str) -> None:
    answer = upload(ana, image(kind))
    assert answer.status_code == 201
    ana.say(pictures=[answer.json()["id"]])
    picture, content = kept(team)
    assert (picture.width, picture.height, picture.comment) == (40, 30, Comment.objects.get(project=team.id))
    assert Image.open(io.BytesIO(content)).format == ("JPEG" if kind == "JPEG" else "PNG")
    assert ana.threads()[0]["messages"][0]["pictures"] == [answer.json()["id"]]


def test_a_form_works_too_and_its_file_name_is_not_looked_at(team: Team, ana: Visitor) -> None:
    fields = {"kind": "image", "messageId": str(uuid.uuid4())}
    files = {"file": ("../../../<script>.html", image(), "text/html")}
    request = httpx.Request("POST", "http://x", data=fields, files=files)
    sent = ana.request(
        "POST", "pictures", request.read(), **{"content-type": request.headers["content-type"]}
    )
    assert sent.status_code == 201, sent.text
    name = str(kept(team)[0].file.name)
    assert name.startswith(f"pictures/{team.id}/")
    assert name.endswith(".png")
    assert "script" not in name


def test_sent_five_times_it_is_there_once(team: Team, ana: Visitor) -> None:
    message = str(uuid.uuid4())
    assert [upload(ana, image(), message=message).status_code for _ in range(5)] == [201, 200, 200, 200, 200]
    assert Picture.objects.filter(project=team.id).count() == 1


def polyglot() -> bytes:
    """A valid GIF that is a script, too."""
    return image("GIF") + b"/*" + SCRIPT + b"*/=1;alert(1)"


def with_text_chunk() -> bytes:
    chunk = PngImagePlugin.PngInfo()
    chunk.add_text("Comment", SCRIPT.decode(), zip=False)
    return image("PNG", pnginfo=chunk)


def with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SCRIPT.decode()
    exif[0x8825] = {1: "N", 2: (47.0, 0.0, 0.0)}
    return image("JPEG", exif=exif)


def with_html_after_it() -> bytes:
    return image("JPEG") + SCRIPT


@pytest.mark.parametrize("make", [polyglot, with_text_chunk, with_exif, with_html_after_it])
def test_only_the_pixels_are_kept(team: Team, ana: Visitor, make: Callable[[], bytes]) -> None:
    content = make()
    assert SCRIPT in content
    assert upload(ana, content).status_code == 201
    _, stored = kept(team)
    assert b"script" not in stored
    assert not Image.open(io.BytesIO(stored)).getexif()


def bomb() -> bytes:
    """A PNG of a few hundred bytes whose header promises 30,000 x 30,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not an image"),
        (SCRIPT, "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "not an image"),
        (b"GIF89a/*" + SCRIPT, "not an image"),
        (b"%PDF-1.7", "not an image"),
        (image()[:60], "not an image"),
        (bomb(), "pixels"),
        (b"\x89PNG" + bytes(pictures.MAX_IMAGE_BYTES), "5 MB"),
    ],
)
def test_what_is_no_image_is_refused(team: Team, ana: Visitor, content: bytes, says: str) -> None:
    response = upload(ana, content)
    assert response.status_code == 422
    assert says in response.json()["error"]
    assert not Picture.objects.filter(project=team.id).exists()


def test_no_request_is_larger_than_the_bound(team: Team, ana: Visitor) -> None:
    assert upload(ana, bytes(pictures.MAX_IMAGE_BYTES + (70 << 10))).status_code == 413
    assert upload(ana, gzip.compress(bytes(20 << 20)), **{"content-encoding": "gzip"}).status_code == 413


def test_a_snapshot_stays_inert_json(team: Team, ana: Visitor) -> None:
    page = {"tag": "div", "children": [{"text": SCRIPT.decode()}, {"tag": "script", "text": "</script>&"}]}
    packed = gzip.compress(json.dumps(page).encode())
    sent = upload(ana, packed, kind="snapshot", **{"content-encoding": "gzip"})
    assert sent.status_code == 201, sent.text
    picture, stored = kept(team)
    assert str(picture.file.name).endswith(".json")
    assert json.loads(stored) == page
    assert not {b"<", b">", b"&"} & {bytes([byte]) for byte in stored}


@pytest.mark.parametrize(
    "content", [b"<html>", b"[]", b'"text"', b"{", b"{}{}", b"\xff", b"[" * 5000, b'{"a":' * 5000]
)
def test_a_snapshot_is_one_object(team: Team, ana: Visitor, content: bytes) -> None:
    assert upload(ana, content, kind="snapshot").status_code == 422
    big = b'{"a":"' + b"x" * pictures.MAX_SNAPSHOT_BYTES + b'"}'
    assert "1 MB" in upload(ana, big, kind="snapshot").json()["error"]


def test_pictures_of_others_cannot_be_used(team: Team, door: LocalIngest, ana: Visitor) -> None:
    message = str(uuid.uuid4())
    upload(ana, image(), message=message)
    mallory = Visitor(team, door, token(team, "mallory"))
    body = {"messageId": str(uuid.uuid4()), "text": "Mine.", "pictures": [message]}
    response = mallory.request("POST", "comments", body)
    assert (response.status_code, response.json()["where"]) == (400, "pictures")
    assert upload(mallory, image(), message=message).status_code == 422
    assert upload(Visitor(team, door, secret=""), image()).status_code == 401


@pytest.mark.parametrize(
    ("query", "where"), [("kind=video", "kind"), ("kind=image&messageId=7", "messageId")]
)
def test_its_fields_are_checked(ana: Visitor, query: str, where: str) -> None:
    path = f"pictures?{query}" + ("" if "messageId" in query else f"&messageId={uuid.uuid4()}")
    response = ana.request("POST", path, image())
    assert (response.status_code, response.json()["where"]) == (400, where)


def test_they_go_with_their_comment(team: Team, ana: Visitor) -> None:
    ana.say(pictures=[upload(ana, image()).json()["id"]])
    picture, _ = kept(team)
    delete_comment(Comment.objects.get(project=team.id))
    assert not Picture.objects.filter(pk=picture.pk).exists()
    assert not default_storage.exists(str(picture.file.name))


def test_members_see_it_and_nobody_else(team: Team, ana: Visitor) -> None:
    image_id = upload(ana, image()).json()["id"]
    snapshot_id = upload(ana, b'{"page":1}', kind="snapshot").json()["id"]
    url = f"/projects/{team.slug}/inbox/pictures/{image_id}/"
    assert signed_in(team.bo).get(url).status_code == 404, "not before it belongs to a comment"
    ana.say(pictures=[image_id, snapshot_id])
    shown = signed_in(team.cy).get(url)
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/png")
    assert "sandbox" in shown["Content-Security-Policy"]
    assert shown["X-Content-Type-Options"] == "nosniff"
    snapshot = signed_in(team.cy).get(url.replace(image_id, snapshot_id))
    assert snapshot["Content-Type"] == "application/json"
    assert snapshot["Content-Disposition"].startswith("attachment")
    assert signed_in(team.dee).get(url).status_code == 404
    other = people.assemble()
    assert signed_in(other.ana).get(url.replace(team.slug, other.slug)).status_code == 404
    assert signed_in(team.ana).get(f"/projects/{team.slug}/inbox/pictures/x/").status_code == 404


def test_what_nobody_attaches_is_deleted_in_the_end(team: Team, ana: Visitor) -> None:
    loose, used = (upload(ana, image()).json()["id"] for _ in range(2))
    ana.say(pictures=[used])
    assert pictures.prune() == 0
    file = str(Picture.objects.get(message_id=loose).file.name)
    Picture.objects.filter(project=team.id).update(created_at=now() - pictures.KEEP_LOOSE)
    assert pictures.prune() == 1
    assert [str(each.message_id) for each in Picture.objects.filter(project=team.id)] == [used]
    assert not default_storage.exists(file)
