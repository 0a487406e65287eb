"""Findings, statuses and evidence as bytes, and back."""

from __future__ import annotations

import msgspec

from domain.findings import Finding
from domain.status import HomeStatus

_encoder = msgspec.json.Encoder(order="deterministic")
_finding = msgspec.json.Decoder(Finding)
_status = msgspec.json.Decoder(HomeStatus)


def encode_finding(finding: Finding) -> bytes:
    """A finding as JSON, equal findings as equal bytes."""
    return _encoder.encode(finding)


def decode_finding(body: bytes) -> Finding:
    """What ``encode_finding`` encoded."""
    return _finding.decode(body)


def encode_status(status: HomeStatus) -> bytes:
    """A status as JSON."""
    return _encoder.encode(status)


def decode_status(body: bytes) -> HomeStatus:
    """What ``encode_status`` encoded."""
    return _status.decode(body)
