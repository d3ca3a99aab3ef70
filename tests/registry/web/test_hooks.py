"""The webhook of a forge: whoever knows the secret makes the server look, and nobody else does anything.

The signatures were computed by hand, with openssl: printf BODY | openssl dgst -sha256 -hmac SECRET
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from registry.following import Place
from registry.web.faces import create_app
from registry.web.hooks import Hook
from tests.registry.web.site import Site, new_site

HELLO = b"Hello, World!"
SECRET = "It's a Secret to Everybody"
HEX = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
SHA1 = "01dc10d0c83e72ed246219cdd91669667fe2ca59"
EMPTY = "66a0c074deaa0f489ead6537e0d32f9a344b90bbeda705b6ed45ecd3b413fb40"
# The example of the Standard Webhooks specification: key, id, time and body.
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED_BODY = b'{"test": 2432232314}'
SIGNED_AT = datetime.fromtimestamp(1614265330, UTC)
SIGNED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


_FORGED = "v1,cpLYayiLF7RPXAV5pdVXfBQT6QKAmSXPJ/u9pSaV9c4="


class Listening:
    """A site that follows a forge, and how often it was told to look."""

    def __init__(self, folder: Path, secret: str | None) -> None:
        self.site = new_site(folder)
        place = Place("https://forge.example/acme/policy.git", "main", timedelta(hours=1))
        self.site.installation.following.begin(place, datetime.now(UTC))
        self.looks = 0
        self.site.app = create_app(self.site.installation, self.site.lines.append, hook=Hook(secret, self._look))

    def _look(self) -> None:
        self.looks += 1

    def post(self, headers: dict[str, str], body: bytes = HELLO) -> tuple[int, str]:
        answer = self.site.ask("/-/hooks/policy", None, method="POST", data=body, headers=headers)
        return answer.status_code, answer.text


@pytest.fixture
def listening(tmp_path: Path) -> Listening:
    return Listening(tmp_path / "data", SECRET)


@pytest.mark.parametrize(
    ("forge", "headers"),
    [
        ("GitHub", {"X-Hub-Signature-256": f"sha256={HEX}", "X-Hub-Signature": f"sha1={SHA1}"}),
        ("Bitbucket", {"X-Hub-Signature": f"sha256={HEX}"}),
        ("GitLab", {"X-Gitlab-Token": SECRET}),
        ("GitLab without a signing token", {"X-Gitlab-Token": SECRET, "webhook-id": "1", "webhook-timestamp": "1"}),
    ],
)
def test_what_each_forge_sends_makes_the_server_look(listening: Listening, forge: str, headers: dict[str, str]) -> None:
    assert listening.post(headers) == (202, "Looking at branch main of https://forge.example/acme/policy.git now\n"), (
        forge
    )
    assert listening.looks == 1


def test_a_signing_token_of_gitlab_is_verified_by_the_standard(tmp_path: Path) -> None:
    listening = Listening(tmp_path / "data", SIGNING)
    with freeze_time(SIGNED_AT):
        assert listening.post(SIGNED, SIGNED_BODY)[0] == 202
        several = {**SIGNED, "webhook-signature": f"v1,AAAA v1a,BBBB {SIGNED['webhook-signature']}"}
        assert listening.post(several, SIGNED_BODY)[0] == 202
        for name, value in (
            ("webhook-id", "msg_other"),
            ("webhook-timestamp", "1614265331"),
            ("webhook-timestamp", "soon"),
            ("webhook-timestamp", "-1614265330"),
            ("webhook-signature", SIGNED["webhook-signature"].replace("v1,", "v2,")),
            ("webhook-signature", ""),
        ):
            assert listening.post({**SIGNED, name: value}, SIGNED_BODY)[0] == 403, (name, value)
        assert listening.post(SIGNED, SIGNED_BODY + b" ")[0] == 403
    assert listening.looks == 2


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signed_delivery_of_another_time_is_refused(tmp_path: Path, minutes: int) -> None:
    listening = Listening(tmp_path / "data", SIGNING)
    with freeze_time(SIGNED_AT + timedelta(minutes=minutes)):
        assert listening.post(SIGNED, SIGNED_BODY)[0] == 403
    assert listening.looks == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hub-Signature-256": f"sha256={HEX[:-1]}8"},
        {"X-Hub-Signature-256": f"sha256={HEX[:-1]}"},
        {"X-Hub-Signature-256": HEX},
        {"X-Hub-Signature-256": f"sha256={HEX.upper()}"},
        {"X-Hub-Signature-256": f"sha1={SHA1}"},
        {"X-Hub-Signature": f"sha1={SHA1}"},
        {"X-Hub-Signature-256": f"sha256={EMPTY}"},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": ""},
        {"X-Gitlab-Token": "It's a secret to everybody"},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": "Ã©\xff"},
        {"X-Gitlab-Token": HEX},
        {"webhook-signature": "v1,", "webhook-id": "", "webhook-timestamp": ""},
    ],
)
def test_a_wrong_proof_is_refused_and_nobody_looks(listening: Listening, headers: dict[str, str]) -> None:
    status, said = listening.post(headers)
    assert status == 403
    assert SECRET not in said
    assert listening.looks == 0


def test_a_signature_of_another_body_is_refused(listening: Listening) -> None:
    assert listening.post({"X-Hub-Signature-256": f"sha256={HEX}"}, HELLO + b"!")[0] == 403
    assert listening.post({"X-Hub-Signature-256": f"sha256={EMPTY}"}, b"")[0] == 202


def test_an_unsigned_delivery_is_told_to_sign(listening: Listening) -> None:
    status, said = listening.post({})
    assert status == 401
    assert "X-Hub-Signature-256" in said
    assert listening.looks == 0


def test_a_delivery_with_a_token_of_the_registry_instead_is_refused(listening: Listening) -> None:
    answer = listening.site.ask("/-/hooks/policy", method="POST", data=HELLO)
    assert answer.status_code == 401
    assert listening.looks == 0


def test_without_a_secret_no_delivery_is_taken(tmp_path: Path) -> None:
    listening = Listening(tmp_path / "data", None)
    status, said = listening.post({"X-Gitlab-Token": ""})
    assert status == 501
    assert "WAYBILL_POLICY_HOOK_SECRET" in said
    assert listening.looks == 0


def test_where_main_is_made_here_there_is_no_webhook(site: Site) -> None:
    answer = site.ask("/-/hooks/policy", None, method="POST", data=HELLO, headers={"X-Gitlab-Token": SECRET})
    assert answer.status_code == 404
    assert "--policy-remote" in answer.text


def test_a_signing_token_without_a_key_is_no_key_that_anybody_has(tmp_path: Path) -> None:
    # printf 'a.1614265330.x' | openssl dgst -sha256 -mac HMAC -macopt hexkey: -binary | base64
    listening = Listening(tmp_path / "data", "whsec_")
    forged = {"webhook-id": "a", "webhook-timestamp": "1614265330", "webhook-signature": _FORGED}
    with freeze_time(SIGNED_AT):
        assert listening.post(forged, b"x")[0] == 403


def test_a_body_larger_than_any_forge_sends_is_not_read_to_its_end(listening: Listening) -> None:
    status, _ = listening.post({"X-Hub-Signature-256": f"sha256={HEX}"}, b"x" * (25 * 2**20 + 1))
    assert status == 413
    assert listening.looks == 0


def test_no_secret_and_no_signature_is_in_the_log(listening: Listening) -> None:
    listening.post({"X-Gitlab-Token": SECRET})
    listening.post({"X-Gitlab-Token": "a-wrong-one"})
    lines = "\n".join(listening.site.lines)
    assert '"status": 202' in lines
    assert SECRET not in lines
    assert "a-wrong-one" not in lines
