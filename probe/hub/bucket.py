"""An archive's copy in object storage: any server that speaks S3. Names are those of its files.

obstore (Apache's object_store, the extra ``hub``) speaks with it, and is imported when a bucket is
opened. What is not answered in whole was not answered: the next turn asks again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

if TYPE_CHECKING:
    from obstore.store import S3Store

NO_OBSTORE = (
    "buckets are written by obstore, which is not installed here: install the extra `hub` "
    "(docs/install.md)"
)
KEY, SECRET, TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
ANSWER_SECONDS = 60.0
# Of one request, with all that is tried again for it.
RETRIES, RETRY_SECONDS = 2, 20.0
REGION = "us-east-1"
"""What servers that know no regions are content with."""


_STATUS = re.compile(r"status code: (\d{3})")
_AWAY = "the server was not reached, or did not answer in whole"
_MEANS = {
    **dict.fromkeys(("401", "403"), "the server does not take the keys, or they may not do this"),
    "404": "the server has no such bucket, or no such object in it",
}
"""What a server's status says of all that is asked here."""


class BucketError(Exception):
    """It did not work this time; the text says what, for a person, and nothing that is secret."""


class BucketPlace(Struct, frozen=True, kw_only=True):
    """A bucket and the folder in it, at a server (``https://…``). ``authority``: certificates in
    PEM that are believed beside the system's."""

    bucket: str
    folder: str
    endpoint: str
    region: str = REGION
    authority: bytes | None = None


class StoredObject(Struct, frozen=True, kw_only=True):
    """What the server says of one: how large it is, and ``etag``, the MD5 of what is in it; empty
    at servers whose tags are something else."""

    size: int
    etag: str

    def is_like(self, body: bytes) -> bool:
        """Whether this is what is there, as far as the server says."""
        return self.size == len(body) and self.etag == digest(body)


def digest(body: bytes) -> str:
    """As servers tag what they have."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _tag(said: str | None) -> str:
    """A tag that is a sum, or nothing: of encrypted objects, and of those in parts, it is none."""
    text = (said or "").strip('"').lower()
    return text if len(text) == 32 and not text.strip("0123456789abcdef") else ""


class RoundsBucket:
    """A folder in a bucket. All of it raises ``BucketError``."""

    def __init__(self, place: BucketPlace, environment: Mapping[str, str]) -> None:
        """Keys are those of ``environment``, by the names that all programs for S3 know. Nothing
        is asked yet."""
        try:
            from obstore import store
        except ImportError as error:
            raise BucketError(NO_OBSTORE) from error
        key, secret = environment.get(KEY), environment.get(SECRET)
        if not key or not secret:
            # Else the library would ask a cloud's own server for some.
            raise BucketError(f"there are no keys: {KEY} and {SECRET} have to be set")
        token = environment.get(TOKEN)
        authority = place.authority
        self._store: S3Store = store.S3Store(
            place.bucket,
            config={"session_token": token} if token else {},
            prefix=place.folder or None,
            endpoint=place.endpoint,
            aws_endpoint_url_s3=place.endpoint,
            region=place.region,
            access_key_id=key,
            secret_access_key=secret,
            skip_signature=False,
            client_options={
                "allow_http": urlsplit(place.endpoint).scheme == "http",
                "timeout": timedelta(seconds=ANSWER_SECONDS),
                **({} if authority is None else {"root_certificate": authority}),
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            },
        )

    def stored(self, under: str = "") -> dict[str, StoredObject]:
        """All that is there, by its name."""
        found: dict[str, StoredObject] = {}
        with _told():
            for several in self._store.list(under or None):
                for one in several:
                    found[one["path"]] = StoredObject(size=one["size"], etag=_tag(one["e_tag"]))
        return found

    def put(self, name: str, body: bytes) -> None:
        """Write it whole; when this returns, the server says that it has these bytes."""
        with _told():
            said = self._store.put(name, body, use_multipart=False)
        tag = _tag(said["e_tag"])
        if tag not in (digest(body), ""):
            raise BucketError("the server has other bytes than were sent")

    def get(self, name: str) -> bytes:
        """What is there under that name."""
        with _told():
            return bytes(self._store.get(name).bytes())

    def delete(self, names: Iterable[str]) -> None:
        """They are gone when this returns."""
        with _told():
            for name in names:
                self._store.delete(name)


@contextmanager
def _told() -> Iterator[None]:
    """What the library raises, in a few words of our own: its texts have addresses and answers."""
    from obstore import exceptions

    try:
        yield
    except (exceptions.BaseError, ValueError, OSError) as error:
        status = _STATUS.search(str(error))
        raise BucketError(_MEANS.get(status[1] if status else "", _AWAY)) from error
