"""Text <-> model for API tokens: `tokens/<id>.json` of the ledger."""

from registry.model import Token
from registry.records import canonical, damaged, moment, parsed, timestamp


def token_record(token: Token) -> bytes:
    """Write `tokens/<id>.json`: an API token without its secret."""
    return canonical(
        {
            "id": token.id,
            "owner": token.owner,
            "secret-sha256": token.secret_sha256,
            "role": token.role,
            "registries": list(token.registries),
            "projects": list(token.projects),
            "created": {"by": token.created_by, "at": timestamp(token.created)},
            "expires": timestamp(token.expires) if token.expires else None,
            "note": token.note,
            "revoked": {"by": token.revoked_by, "at": timestamp(token.revoked)} if token.revoked else None,
        }
    )


def read_token_record(text: bytes) -> Token:
    """Read what `token_record` wrote.

    Raises:
        Unavailable: the ledger was damaged.
    """
    record = parsed(text, "token record")
    try:
        revoked = record["revoked"]
        return Token(
            id=record["id"],
            owner=record["owner"],
            secret_sha256=record["secret-sha256"],
            role=record["role"],
            registries=tuple(record["registries"]),
            projects=tuple(record["projects"]),
            created=moment(record["created"]["at"]),
            created_by=record["created"]["by"],
            expires=moment(record["expires"]) if record["expires"] else None,
            note=record["note"],
            revoked=moment(revoked["at"]) if revoked else None,
            revoked_by=revoked["by"] if revoked else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged("token record", error) from None
