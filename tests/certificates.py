"""A certificate authority of the test's own: made by openssl, as docs/operations.md has an operator make it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """One authority in a folder of its own."""

    def __init__(self, folder: Path, name: str = "Kehai test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate, self.key, self.revoked = folder / "ca.crt", folder / "ca.key", folder / "revoked.crl"
        usage = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl(
            folder, "req", "-x509", *_KEY, "-days", "30", "-subj", f"/CN={name}", *usage, "-keyout", str(self.key),
            "-out", str(self.certificate),
        )  # fmt: skip
        (folder / "index.txt").touch()
        (folder / "number").write_text("01\n")
        (folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca = it\n[it]\ndatabase = index.txt\ncrlnumber = number\ndefault_md = sha256\n"
            "default_crl_days = 30\n"
        )
        self._list_revoked()

    def issue(self, name: str, *, names: str = "", days: int = 30) -> Issued:
        """A certificate for ``name``; with ``names`` (``DNS:...,IP:...``) a server's, without a client's."""
        made = Issued(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        _openssl(self.folder, "req", *_KEY, "-subj", f"/CN={name}", "-keyout", str(made.key), "-out", str(request))
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n" if names else
                              "extendedKeyUsage=clientAuth\n")  # fmt: skip
        _openssl(
            self.folder, "x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key),
            "-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(made.certificate),
        )  # fmt: skip
        return made

    def revoke(self, issued: Issued) -> None:
        """Put a certificate on the revocation list."""
        self._ca("-revoke", str(issued.certificate))
        self._list_revoked()

    def _list_revoked(self) -> None:
        self._ca("-gencrl", "-out", str(self.revoked))

    def _ca(self, *arguments: str) -> None:
        _openssl(
            self.folder,
            "ca",
            "-config",
            "ca.cnf",
            "-keyfile",
            str(self.key),
            "-cert",
            str(self.certificate),
            *arguments,
        )
