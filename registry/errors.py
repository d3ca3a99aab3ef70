"""What can go wrong, in words a person can act on; no HTTP numbers in here.

Every message says what is wrong, where (file:line or field), and what to do. The web faces map each class to a status.
"""


class WaybillError(Exception):
    """Base of everything Waybill raises on purpose, so that a face can tell a refusal from a defect."""


class Invalid(WaybillError):
    """The input cannot be accepted as it is: a name, a version, a form field, an archive, a policy file."""


class TooLarge(Invalid):
    """The input exceeds a limit that was checked before it was read whole."""


class Unauthenticated(WaybillError):
    """No credentials, or credentials that nobody holds."""


class Forbidden(WaybillError):
    """The caller is known and lacks the right."""


class NotFound(WaybillError):
    """The named thing does not exist; never used to hide a thing from somebody."""


class Conflict(WaybillError):
    """The name is taken by other content, or by a deleted file."""


class Reserved(Conflict):
    """The name is free, and kept for others."""


class Moved(WaybillError):
    """A branch moved between reading and writing; the caller reads again and retries."""


class Unavailable(WaybillError):
    """The registry cannot do this now: storage failed, is full, or was found damaged."""
