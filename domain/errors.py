"""What went wrong, said in one sentence that also says what to do; the command line prints it and nothing else."""

from __future__ import annotations


class KehaiError(Exception):
    """Work that failed: exit status 1."""

    exit_status = 1


class ConfigurationError(KehaiError):
    """A wrong call or a wrong configuration: exit status 2."""

    exit_status = 2
