"""What docs/security.md tells people to copy can be used as it stands."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ptybridge.cli import _parser
from ptybridge.config import build

PAGE = (Path(__file__).parents[1] / "docs" / "security.md").read_text()


def blocks(language: str) -> list[str]:
    """The examples in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_settings_are_settings(text: str) -> None:
    assert build(yaml.safe_load(text)) != build({})


def test_there_are_examples_of_all_ways() -> None:
    assert len(blocks("yaml")) >= 2
    assert len(blocks("ini")) == 1
    assert len(blocks("nginx")) == 1
    assert "reverse_proxy" in PAGE


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(blocks("ini")[0])
    return parser


def test_the_service_is_started_as_the_command_line_takes_it() -> None:
    words = shlex.split(unit()["Service"]["ExecStart"])
    assert _parser().parse_args(words[1:]).command == "serve"
    assert unit()["Service"]["NoNewPrivileges"] == "true"


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (package systemd)")
    service = tmp_path / "ptybridge.service"
    service.write_text(blocks("ini")[0].replace("/opt/ptybridge/bin/ptybridge", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", service],
        capture_output=True,
        text=True,
        check=False,
    )
    about = [line for line in done.stderr.splitlines() if "ptybridge.service" in line]
    assert about == []


def test_the_proxy_passes_on_all_that_the_server_goes_by() -> None:
    (text,) = blocks("nginx")
    said = dict(re.findall(r"proxy_set_header (\S+)\s+(.+?);", text))
    assert said["Host"] == "$host"
    assert said["X-Forwarded-For"] == "$proxy_add_x_forwarded_for"
    assert said["X-Forwarded-Proto"] == "$scheme"
    assert said["Upgrade"] == "$http_upgrade"
    assert said["X-Forwarded-Host"] == '""'  # what a client writes there is not passed on
    assert said["X-Forwarded-User"] == '""'
    assert said["X-Ptybridge-Secret"] == '""'
    assert text.count("{") == text.count("}")
    assert "map $http_upgrade $connection_upgrade" in text
