"""The documents: every link leads somewhere, every command that they name exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from kehai.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    file.relative_to(ROOT)
    for file in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in {"node_modules", "build"} for part in file.relative_to(ROOT).parts)
)


def test_the_documents_that_readers_are_sent_to_are_there() -> None:
    names = {str(name) for name in DOCUMENTS}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/operations.md"} <= names
    assert {"docs/detection.md", "docs/limits.md", "docs/security.md"} <= names


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_leads_to_a_file(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (ROOT / document.parent / target).exists(), f"{document} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    commands = set(getattr(get_command(app), "commands", {}))
    text = (ROOT / document).read_text(encoding="utf-8")
    for name in re.findall(r"(?:bin/|`|^ {4})kehai ([a-z-]+)", text, re.MULTILINE):
        assert name in commands, f"{document} names 'kehai {name}'"


def test_the_first_screen_of_the_readme_is_a_sentence_a_picture_and_a_command() -> None:
    lines = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line][:4]
    assert lines[0].startswith("# Kehai")
    assert lines[1].endswith(".")
    assert lines[2].startswith("![")
    assert lines[3].strip() == "scripts/demo"


def test_the_commands_that_make_certificates_make_them(tmp_path: Path) -> None:
    """Every line as it stands in the guide, in an empty folder; then openssl is asked whether it trusts what they made."""
    text = (ROOT / "docs" / "gateways.md").read_text(encoding="utf-8")
    lines = re.findall(r"^ {4}((?:openssl|printf|touch|echo|chmod) .+)$", text, re.MULTILINE)
    assert len(lines) > 10

    def said(command: str) -> str:
        done = subprocess.run(["bash", "-ec", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    done = subprocess.run(["bash", "-ec", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "server.crt: OK" in said("openssl verify -x509_strict -purpose sslserver -CAfile ca.crt server.crt")
    assert "Hostname mqtt.example.org does match" in said(
        "openssl x509 -in server.crt -noout -checkhost mqtt.example.org"
    )
    trusted = "openssl verify -purpose sslclient -CAfile gateways-ca.crt"
    assert "gw-0001.crt: OK" in said(f"{trusted} gw-0001.crt")
    assert "certificate revoked" in said(f"{trusted} -crl_check -CRLfile gateways.crl gw-0001.crt"), (
        "the last line withdrew it"
    )
    assert "gw-0001.crt: OK" not in said("openssl verify -CAfile ca.crt gw-0001.crt"), (
        "the broker's authority makes no gateways"
    )
