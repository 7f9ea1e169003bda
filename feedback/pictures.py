"""Pictures: images are decoded and encoded anew, snapshots of pages stay inert JSON. Nothing is kept as sent."""

import datetime as dt
import io
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from PIL import Image, ImageOps, UnidentifiedImageError

from analytics.record.callers import Caller
from feedback.models import Browser, Comment, Picture, Reply
from projects.models import Project

MAX_IMAGE_BYTES = 5 << 20
MAX_PIXELS = 16_000_000
"""Pixels of an image: a 5K screen has 14.7 million."""

MAX_SIDE = 4_000
"""Pixels of a side. Larger images are scaled down."""

MAX_SNAPSHOT_BYTES = 1 << 20
MAX_SNAPSHOT_DEPTH = 500
MAX_PER_MESSAGE = 5
KEEP_LOOSE = dt.timedelta(days=7)
"""A message may follow its pictures days later, when its device is online again."""

PRUNED_AT_ONCE = 1_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")

TOO_MANY_PIXELS = f"an image may have {MAX_PIXELS:,} pixels; send a smaller one"

# Decoded images take up to 64 MB each.
_one_at_a_time = threading.Lock()


class PictureError(Exception):
    """The picture cannot be stored. The message says why."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """`is_new` is False if the message was already stored."""

    picture: Picture
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Encoded:
    content: bytes
    extension: str
    width: int = 0
    height: int = 0


def store(
    caller: Caller, browser: Browser | None, *, message_id: uuid.UUID, kind: Picture.Kind, content: bytes
) -> StoredPicture:
    """Raises PictureError."""
    kept = _kept(caller, browser, message_id)
    if kept is not None:
        return StoredPicture(kept, is_new=False)
    encoded = _snapshot(content) if kind == Picture.Kind.SNAPSHOT else _image(content)
    # A name of ours: that of the sender may be a path, or a page.
    name = f"pictures/{caller.project_id}/{uuid.uuid4().hex}.{encoded.extension}"
    stored = default_storage.save(name, ContentFile(encoded.content))
    try:
        with transaction.atomic():
            picture = Picture.objects.create(
                project_id=caller.project_id, message_id=message_id, browser=browser,
                verified_user=caller.user if caller.verified else "", kind=kind, file=stored,
                bytes=len(encoded.content), width=encoded.width, height=encoded.height,
            )  # fmt: skip
    except IntegrityError:
        # The same message at the same moment.
        default_storage.delete(stored)
        kept = _kept(caller, browser, message_id)
        if kept is None:
            raise
        return StoredPicture(kept, is_new=False)
    return StoredPicture(picture, is_new=True)


def own(caller: Caller, browser: Browser | None, ids: Sequence[uuid.UUID]) -> list[Picture]:
    """The caller's pictures with these ids. Raises PictureError for those of others and unknown ones."""
    if len(ids) > MAX_PER_MESSAGE:
        raise PictureError(f"a message can have {MAX_PER_MESSAGE} pictures, and this one has {len(ids)}")
    if not ids:
        return []
    found = list(_of(caller, browser).filter(message_id__in=ids))
    if len(found) != len(set(ids)):
        raise PictureError("there is no such picture of yours; upload it first")
    return found


def attach(pictures: Iterable[Picture], comment: Comment, reply: Reply | None = None) -> None:
    loose = Picture.objects.filter(pk__in=[each.pk for each in pictures], comment=None)
    loose.update(comment=comment, reply=reply)


def get_picture_for(project: Project, id: str) -> Picture:
    """One that belongs to a comment. Raises Picture.DoesNotExist, also for those of other projects."""
    try:
        message = uuid.UUID(id)
    except ValueError:
        raise Picture.DoesNotExist from None
    return Picture.objects.get(project=project, message_id=message, comment__isnull=False)


def prune() -> int:
    """Delete uploads that nobody has attached to a message. Returns how many."""
    loose = Picture.objects.filter(comment=None, created_at__lt=now() - KEEP_LOOSE)
    numbers = list(loose.order_by("pk").values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    with transaction.atomic():
        # Still loose: a message may have taken one of them since.
        discard(Picture.objects.filter(pk__in=numbers, comment=None))
    return len(numbers)


def discard(pictures: QuerySet[Picture]) -> None:
    """Delete rows now, and files once that is committed."""
    # Locked: a message that takes one of them now waits, and then does not find it.
    rows = list(pictures.select_for_update().values_list("pk", "file"))
    names = [name for _, name in rows]
    Picture.objects.filter(pk__in=[number for number, _ in rows]).delete()

    def delete_files() -> None:
        for name in names:
            default_storage.delete(name)

    transaction.on_commit(delete_files)


def _of(caller: Caller, browser: Browser | None) -> QuerySet[Picture]:
    mine = Q(pk__in=[])
    if caller.verified:
        mine |= Q(verified_user=caller.user)
    if browser is not None:
        mine |= Q(browser=browser, verified_user="")
    return Picture.objects.filter(mine, project=caller.project_id)


def _kept(caller: Caller, browser: Browser | None, message_id: uuid.UUID) -> Picture | None:
    if not Picture.objects.filter(project=caller.project_id, message_id=message_id).exists():
        return None
    kept = _of(caller, browser).filter(message_id=message_id).first()
    if kept is None:
        raise PictureError("this messageId belongs to another picture; send a new one")
    return kept


def _image(content: bytes) -> _Encoded:
    if len(content) > MAX_IMAGE_BYTES:
        raise PictureError(f"an image may have {MAX_IMAGE_BYTES >> 20} MB; send a smaller one")
    with _one_at_a_time:
        try:
            # Only these decoders: others are rarely used, and less tested.
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            # Known from the header. A few bytes may decode to gigabytes.
            if image.width * image.height > MAX_PIXELS:
                raise PictureError(TOO_MANY_PIXELS)
            return _encoded(image)
        except Image.DecompressionBombError:
            raise PictureError(TOO_MANY_PIXELS) from None
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
            raise PictureError("this is not an image; send PNG, JPEG, WebP or GIF") from None


def _encoded(image: Image.Image) -> _Encoded:
    """The pixels alone: without metadata, other frames, and whatever follows the image in its file."""
    jpeg = image.format == "JPEG"
    pixels = ImageOps.exif_transpose(image).convert("RGB" if jpeg else "RGBA")
    pixels.thumbnail((MAX_SIDE, MAX_SIDE))
    clean = Image.new(pixels.mode, pixels.size)
    clean.paste(pixels)
    content = _written(clean, "JPEG" if jpeg else "PNG")
    # Photos may take ten times as much as PNG.
    if len(content) > MAX_IMAGE_BYTES:
        jpeg, content = True, _written(clean.convert("RGB"), "JPEG")
    return _Encoded(content, "jpg" if jpeg else "png", clean.width, clean.height)


def _written(image: Image.Image, kind: str) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, quality=85)
    return written.getvalue()


def _snapshot(content: bytes) -> _Encoded:
    if len(content) > MAX_SNAPSHOT_BYTES:
        raise PictureError(
            f"a snapshot may have {MAX_SNAPSHOT_BYTES >> 20} MB; send a smaller part of the page"
        )
    try:
        decoded = msgspec.json.decode(content, type=dict[str, object])
        encoded = msgspec.json.encode(decoded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PictureError("a snapshot must be one JSON object") from None
    # Also where somebody opens the file itself: no browser finds a tag in it.
    inert = encoded.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
    return _Encoded(inert, "json")
