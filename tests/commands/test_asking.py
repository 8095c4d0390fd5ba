"""Commands that ask a running daemon: where, and with which password."""

from __future__ import annotations

import asyncio

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from probe.cli import main
from probe.commands.asking import url_of
from probe.config import load
from probe.config.environment import PASSWORD
from probe.config.schema import TlsServer, WebConfig
from tests.publish.web.test_auth import PASSWORD as RIGHT
from tests.publish.web.test_auth import USERS, serving


def run(*arguments: str, password: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env={"COLUMNS": "200", PASSWORD: password})


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9880", "http://127.0.0.1:9880"),
        ("[::1]:1", "http://[::1]:1"),
        ("0.0.0.0:9880", "http://127.0.0.1:9880"),
    ],
)
def test_where_the_daemon_is_asked(listen: str, url: str) -> None:
    config = load(None, {"THROTTLEWATCH_LISTEN": listen})
    assert url_of(config) == url
    tls = WebConfig(tls_server_config=TlsServer(cert_file="c", key_file="k"))
    assert url_of(replace(config, web=tls)) == url.replace("http:", "https:")


@pytest.mark.parametrize("command", ["drill", "nation"])
async def test_a_password_is_shown_where_one_is_asked_for(command: str) -> None:
    async with serving(USERS) as (client, _):
        asked = (command, "--url", str(client.base_url))
        nobody = await asyncio.to_thread(run, *asked)
        wrong = await asyncio.to_thread(run, *asked, "--user", "anna", password="no")
        right = await asyncio.to_thread(run, *asked, "--user", "anna", password=RIGHT)
    for refused in (nobody, wrong):
        assert refused.exit_code == 1
        assert f"--user NAME, and the password in {PASSWORD}" in refused.output
    assert right.exit_code == 0, right.output


@pytest.mark.parametrize("command", ["drill", "nation"])
def test_only_http_is_asked(command: str) -> None:
    assert "no http:// or https:// address" in run(command, "--url", "file:///etc/passwd").output
