"""``throttlewatch hub copy``: the archive of rounds, in a bucket as well."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import click

from probe.commands.hub_findings import DurationSaid
from probe.commands.hub_urls import web_address
from probe.commands.output import tell
from probe.config.formats import is_loopback
from probe.hub.archive_copy import ArchiveCopy, fetch, forget
from probe.hub.bucket import REGION, BucketError, BucketPlace, RoundsBucket
from probe.publish.parcels.archive import Archive

# As S3 names buckets; folders as they can be written without being encoded.
_PLACE = re.compile(
    r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/((?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+)?/?)?"
)


class BucketSaid(click.ParamType):  # type: ignore[type-arg]
    """A bucket and a folder in it: ``s3://rounds/hub``."""

    name = "bucket"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Its name and the folder; fails with words that click shows."""
        found = _PLACE.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no bucket; expected one such as s3://rounds/hub")
        return found[1], found[2] or ""


class ServerSaid(click.ParamType):  # type: ignore[type-arg]
    """Where a server speaks S3. https; http where nobody is on the way."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As it was written; fails with words that click shows."""
        parts = web_address(str(value))
        safe = parts is not None and (parts.scheme == "https" or is_loopback(parts.hostname or ""))
        if parts is None or not safe or parts.username is not None or parts.query:
            self.fail(f"{value!r} is no server; expected one such as https://s3.example.org")
        return str(value)


@click.command()
@click.option(
    "--archive",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder of `serve --archive`.",
)
@click.option("--to", "place", type=BucketSaid(), required=True, help="s3://BUCKET/FOLDER")
@click.option("--endpoint", type=ServerSaid(), required=True, help="The server: https://…")
@click.option("--region", default=REGION, show_default=True, help="Where that server has several.")
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificates in PEM that are believed beside the system's.",
)
@click.option("--every", type=DurationSaid(), help="Again and again, in such times.")
@click.option(
    "--back", is_flag=True, help="The other way: write what the folder does not have, and end."
)
@click.option("--delete", "vantage", help="Delete what the bucket has of this vantage, and end.")
def copy(
    folder: Path,
    place: tuple[str, str],
    endpoint: str,
    region: str,
    ca_file: Path | None,
    every: float | None,
    back: bool,
    vantage: str | None,
) -> None:
    """Copy the archive of rounds to a bucket of a server that speaks S3.

    Keys are those of the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. What the folder
    deletes stays in the bucket until that deletes it. docs/hub.md.
    """
    if sum((back, vantage is not None, every is not None)) > 1:
        raise click.ClickException("--back, --delete and --every do not belong together")
    archive = Archive(folder)
    try:
        where = BucketPlace(
            bucket=place[0],
            folder=place[1],
            endpoint=endpoint,
            region=region,
            authority=None if ca_file is None else ca_file.read_bytes(),
        )
        bucket = RoundsBucket(where, os.environ)
        if vantage is not None:
            tell(f"{forget(bucket, vantage)} files of {vantage} are deleted")
        elif back:
            _back(archive, bucket)
        else:
            _copy(ArchiveCopy(archive, bucket), every)
    except BucketError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror or error}") from error


def _copy(copying: ArchiveCopy, every: float | None) -> None:
    said = ""
    while True:
        try:
            done = copying.turn()
            if done.sent or said or every is None:
                tell(f"{done.sent} files copied, {done.there} were there")
            said = ""
        except (BucketError, OSError) as error:
            if every is None:
                raise
            if str(error) != said:
                said = str(error)
                tell(f"not copied, and tried again: {said}")
        if every is None:
            return
        time.sleep(max(1.0, every))


def _back(archive: Archive, bucket: RoundsBucket) -> None:
    written, wrong = fetch(archive, bucket)
    tell(f"{written} files written")
    if wrong:
        some = ", ".join(map(repr, wrong[:3]))
        raise click.ClickException(f"{len(wrong)} objects are no files of an archive: {some}")
