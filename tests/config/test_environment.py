from __future__ import annotations

from pathlib import Path

import pytest

from probe.config import ConfigErrors, load
from probe.config.environment import variables
from probe.model.identity import Family
from tests.config.files import loaded, mistakes, written


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "listen: 127.0.0.1:1\nschedule: {light: 1m, transfer: 1h}\n",
        {"THROTTLEWATCH_LISTEN": "0.0.0.0:9880", "THROTTLEWATCH_SCHEDULE__LIGHT": "10s"},
    )
    assert config.settings.listen == "0.0.0.0:9880"
    assert (config.settings.schedule.light, config.settings.schedule.transfer) == (10.0, 3600.0)


@pytest.mark.parametrize("text", ["x,youtube", " x , youtube ", "[x, youtube]"])
def test_a_list_is_comma_separated_or_yaml(text: str) -> None:
    config = load(None, {"THROTTLEWATCH_PLATFORMS": text})
    assert [p.name for p in config.platforms] == ["x", "youtube"]


def test_every_kind_of_value_can_be_given() -> None:
    settings = load(
        None,
        {
            "THROTTLEWATCH_COUNTRY": "NO",
            "THROTTLEWATCH_SCHEDULE__JITTER": "0",
            "THROTTLEWATCH_SCHEDULE__CONTROLS": "3",
            "THROTTLEWATCH_LEGS__LIGHT_BYTES": "2KiB",
            "THROTTLEWATCH_DNS__SYSTEM": "false",
            "THROTTLEWATCH_DNS__RESOLVERS": "[{name: mine, address: 192.0.2.53}]",
            "THROTTLEWATCH_FAMILIES": "ipv6,ipv4",
            "THROTTLEWATCH_RESOLVE": "{x.com: [192.0.2.1]}",
            "THROTTLEWATCH_VANTAGES": '[{name: far, proxy: "socks5://u:p@192.0.2.7:1080"}]',
            "THROTTLEWATCH_LOG__LEVEL": "debug",
            "THROTTLEWATCH_ACKNOWLEDGE_RISKS": "true",
        },
    ).settings
    assert settings.country == "NO"
    assert (settings.schedule.jitter, settings.schedule.controls) == (0.0, 3)
    assert settings.legs.light_bytes == 2048
    assert not settings.dns.system
    assert [r.address for r in settings.dns.resolvers] == ["192.0.2.53"]
    assert settings.families == (Family.IPV6, Family.IPV4)
    assert settings.resolve == {"x.com": ("192.0.2.1",)}
    assert [v.name for v in settings.vantages] == ["far"]
    assert settings.log.level == "debug"
    assert settings.acknowledge_risks


def test_an_empty_variable_and_one_of_another_program_are_not_looked_at() -> None:
    environ = {"THROTTLEWATCH_CA_FILE": "", "THROTTLEWATCH_CONFIG": " ", "PATH": "/bin"}
    assert load(None, environ) == load(None, {})


def test_a_variable_names_the_main_file_unless_a_path_is_given(tmp_path: Path) -> None:
    main = written(tmp_path, "country: TR\n")
    assert load(None, {"THROTTLEWATCH_CONFIG": str(main)}).settings.country == "TR"
    other = tmp_path / "other.yaml"
    other.write_text("country: IR\n")
    assert load(other, {"THROTTLEWATCH_CONFIG": str(main)}).settings.country == "IR"


def test_a_mistake_names_the_variable() -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(
            None,
            {
                "THROTTLEWATCH_SCHEDULE__LIGHT": "5min",
                "THROTTLEWATCH_FAMILIES": "ipv4,ipv5",
                "THROTTLEWATCH_VANTAGES": "[{name: a",
                "THROTTLEWATCH_LISTN": "x",
            },
        )
    assert {(e.file, e.line, e.key, e.suggestion) for e in caught.value.errors} == {
        ("THROTTLEWATCH_SCHEDULE__LIGHT", 0, "schedule.light", "5m"),
        ("THROTTLEWATCH_FAMILIES", 0, "families[1]", "ipv6"),
        ("THROTTLEWATCH_VANTAGES", 0, "vantages", ""),
        ("THROTTLEWATCH_LISTN", 0, "", "THROTTLEWATCH_LISTEN"),
    }


def test_a_file_that_is_wrong_at_that_place_is_still_reported(tmp_path: Path) -> None:
    (error,) = mistakes(tmp_path, "schedule: often\n", {"THROTTLEWATCH_SCHEDULE__LIGHT": "10s"})
    assert (error.line, error.key) == (1, "schedule")


def test_every_key_has_one_variable() -> None:
    names = [name for name, _, _ in variables()]
    assert len(names) == len(set(names))
    assert {"THROTTLEWATCH_LISTEN", "THROTTLEWATCH_DNS__LINGER"} <= set(names)
