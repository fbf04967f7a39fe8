"""Failures that end in one clear sentence for the person, each with its exit code (sysexits.h from 64 on)."""


class NetsecError(Exception):
    """Say in one sentence what is wrong and what to do; ``exit_code`` is for headless use."""

    exit_code = 70


class UsageError(NetsecError):
    """Report flags or arguments that cannot be used together or at all."""

    exit_code = 64


class BadInputError(NetsecError):
    """Report input that cannot be understood; names file, line or object."""

    exit_code = 65


class NotFoundError(NetsecError):
    """Report a file, context, namespace or workload that does not exist."""

    exit_code = 66


class UnreachableError(NetsecError):
    """Report an API server or other peer that does not answer."""

    exit_code = 69


class CannotWriteError(NetsecError):
    """Report a file that cannot be written."""

    exit_code = 73


class LockedError(NetsecError):
    """Report an edit of a configuration that must not be changed here."""

    exit_code = 77
