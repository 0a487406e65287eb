"""What every channel's section of the settings has."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from alerts.channels.channel import TransientError

SecretFile = Path
"""A file that holds one secret, and nothing else."""


class ChannelSettings(BaseModel):
    """``[channels.NAME]``: the keys that all kinds share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    timeout_seconds: float = Field(default=10.0, gt=0, le=20)
    """For one attempt; well below the lease of a claim."""
    workers: int = Field(default=4, ge=1, le=32)
    """How many messages may be on their way at once."""
    ca_file: Path | None = None
    """Certificate of the authority that signed the server's, where it is none that the machine knows."""

    def secret(self, file: Path | None) -> str:
        """What a secret's file holds; raises TransientError, since whoever mends the file need not restart anything."""
        if file is None:
            return ""
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TransientError(
                "The file with the channel's secret cannot be read: give this user the right to."
            ) from error
