"""Identity tokens that are not what they seem: each is refused for its own reason, and nothing remains of it.

Every attack differs from a good token in one thing, so that no other check can hide one that is missing.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.claim_sets import GITHUB
from tests.issuer import AUDIENCE, Issuer, ec_key, encoded, issuing, pem, rsa_key, sign
from tests.registry.web.pipelines import Ci, accepting

Attack = Callable[[Ci], str]


def header(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    """A good header with changes; None takes a member away."""
    good = {"alg": "RS256", "kid": issuer.kid, "typ": "JWT"}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def headed(**changes: Any) -> Attack:
    """Change the header; the signature holds."""
    return lambda ci: sign(header(ci.issuer, **changes), ci.issuer.claims(GITHUB), ci.issuer.key)


def claiming(**changes: Any) -> Attack:
    """Change claims; the signature holds."""
    return lambda ci: ci.issuer.token(GITHUB, **changes)


def moved(**seconds: int) -> Attack:
    """Move times by seconds from now; the signature holds."""

    def made(ci: Ci) -> str:
        now = ci.issuer.claims(GITHUB)["iat"]
        return ci.issuer.token(GITHUB, **{name: now + by for name, by in seconds.items()})

    return made


def written(change: Callable[[str], str]) -> Attack:
    """Change the payload as text; the signature holds."""

    def made(ci: Ci) -> str:
        payload = json.dumps(ci.issuer.claims(GITHUB))
        changed = change(payload)
        assert changed != payload
        return sign(header(ci.issuer), changed, ci.issuer.key)

    return made


def raw(payload: bytes | str) -> Attack:
    """Sign something else than claims."""
    return lambda ci: sign(header(ci.issuer), payload, ci.issuer.key)


def spelled(change: Callable[[str], str]) -> Attack:
    """Change a good token as text."""
    return lambda ci: change(ci.token())


def parts(change: Callable[[list[str]], list[str]]) -> Attack:
    return spelled(lambda token: ".".join(change(token.split("."))))


def shared_secret(name: str, secret: Callable[[Ci], bytes]) -> Attack:
    """Sign by HMAC with something that is public, and say so."""

    def made(ci: Ci) -> str:
        signed = f"{encoded(header(ci.issuer, alg=name))}.{encoded(ci.issuer.claims(GITHUB))}"
        digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[name]
        return f"{signed}.{encoded(hmac.digest(secret(ci), signed.encode(), digest))}"

    return made


def flipped(at: float) -> Attack:
    """Change one bit of the signature."""

    def made(ci: Ci) -> str:
        head, body, signature = ci.token().split(".")
        content = bytearray(base64.urlsafe_b64decode(signature + "=="))
        content[int(at * (len(content) - 1))] ^= 1
        return f"{head}.{body}.{encoded(bytes(content))}"

    return made


def twice(name: str, value: str) -> Attack:
    return written(lambda text: f'{{"{name}": {value}, {text[1:]}')


def foreign(ci: Ci) -> str:
    """A token of another accepted issuer's key that says it is ours."""
    return sign(header(ci.issuer), ci.issuer.claims(GITHUB), rsa_key(99))


FORMAT, SIGNATURE = "not a signed JWT", "signature is not its issuer's"
OBJECT = "is not a JSON object in UTF-8"
ALG, KID, KEY = "accepted are RS256 and ES256", "'kid'", "has no RS256 key"
AUD, ALSO, ISS, MOMENT = "ask for one whose audience is", "also for", "accepts no tokens of issuer", "not a moment"
LIFE, FUTURE, LINE = "at most 3600", "of the future", "cannot be recorded as one line"

ATTACKS: dict[str, tuple[Attack, str]] = {
    # The algorithm: what a careless library can be talked into.
    **{f"alg {alg!r}": (headed(alg=alg), ALG) for alg in (
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "PS384",
        "PS512", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "rs256", "RS256 ", " RS256", "RS256\n", "RSA-OAEP",
        "dir", "A128GCM", 7, True, ["RS256"], {"RS256": 1},
    )},
    "alg is missing": (headed(alg=None), ALG),
    "alg none, and no signature": (
        lambda ci: f"{encoded(header(ci.issuer, alg='none'))}.{encoded(ci.issuer.claims(GITHUB))}.", FORMAT),
    "alg none, and a signature of nothing": (
        lambda ci: f"{encoded(header(ci.issuer, alg='none'))}.{encoded(ci.issuer.claims(GITHUB))}.AA", ALG),
    "ES256 said of an RSA key": (headed(alg="ES256"), "has no ES256 key"),
    **{f"{name} with the public key as secret": (shared_secret(name, lambda ci: pem(ci.issuer.key)), ALG)
       for name in ("HS256", "HS384", "HS512")},
    "HS256 with no secret": (shared_secret("HS256", lambda _: b""), ALG),
    "HS256 with the modulus as secret": (shared_secret("HS256", lambda ci: ci.issuer.keys[0]["n"].encode()), ALG),
    # The key: what the token says about it leads nowhere else.
    **{f"kid {kid!r}": (headed(kid=kid), KID) for kid in ("", 7, True, ["first"], {"first": 1}, "k" * 256)},
    "kid is missing": (headed(kid=None), KID),
    **{f"kid {kid!r}": (headed(kid=kid), KEY) for kid in (
        "unknown", "First", "first ", "first\x00", "../../../etc/passwd", "' OR 1=1 --", "https://evil.example/key",
        "file:///etc/passwd", "%66irst", "first\n", "ﬁrst", "\ud800", "0", "k" * 255,
    )},
    **{f"{name} in the header": (headed(**{name: value}), f"has '{name}'") for name, value in {
        "jku": "https://evil.example/keys", "x5u": "https://evil.example/key.pem", "x5c": ["MII"], "crit": ["exp"],
        "b64": False, "zip": "DEF", "enc": "A128GCM", "jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    }.items()},
    "crit is empty": (headed(crit=[]), "has 'crit'"),
    "the header brings the key that signed it": (
        lambda ci: sign(header(ci.issuer, jwk={"kty": "RSA"}), ci.issuer.claims(GITHUB), rsa_key(99)), "has 'jwk'"),
    **{f"typ {typ!r}": (headed(typ=typ), "another type") for typ in ("at+jwt", "JWE", "logout+jwt", "", 1, ["JWT"])},
    # The signature.
    **{f"a bit of the signature is flipped at {at}": (flipped(at), SIGNATURE) for at in (0.0, 0.25, 0.5, 0.75, 1.0)},
    "the signature is short": (spelled(lambda token: token[:-4]), SIGNATURE),
    "the signature is long": (spelled(lambda token: token + "AAAA"), SIGNATURE),
    "the signature is of zeros": (parts(lambda p: [*p[:2], "A" * len(p[2])]), SIGNATURE),
    "another issuer's key": (foreign, SIGNATURE),
    "an elliptic key": (
        lambda ci: sign(header(ci.issuer), ci.issuer.claims(GITHUB), ec_key(9)), SIGNATURE),
    "the signature of another token": (
        lambda ci: ".".join([*ci.token().split(".")[:2], ci.token().split(".")[2]]), SIGNATURE),
    "another payload under a good signature": (
        parts(lambda p: [p[0], encoded({"iss": json.loads(base64.urlsafe_b64decode(p[1] + "=="))["iss"]}), p[2]]),
        SIGNATURE),
    "another header over a good signature": (
        lambda ci: ".".join([encoded(header(ci.issuer, typ="jwt")), *ci.token().split(".")[1:]]), SIGNATURE),
    "the payload spelled with a space": (
        parts(lambda p: [p[0], encoded(base64.urlsafe_b64decode(p[1] + "==") + b" "), p[2]]), SIGNATURE),
    # The form.
    **{f"the token is {token[:20]!r}": (lambda _, token=token: token, FORMAT) for token in (  # type: ignore[misc]  # mypy knows no lambda with a default
        "", ".", "..", "...", "a", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c.d.e", "a.b.c ", " a.b.c", "a.b.c\n",
        "a.b=.c", "a.b+.c", "a.b/.c", "ä.b.c", "a\x00.b.c", "{}", "Bearer a.b.c", "\ud800.b.c", "\u0660.b.c",
    )},
    "too long by one": (spelled(lambda token: token + "A" * (16 * 1024 + 1 - len(token))), "at most 16384"),
    "as long as a body may be": (lambda _: "a." * 30_000, "at most 16384"),
    "padding": (spelled(lambda token: token + "="), FORMAT),
    "the header is no base64": (parts(lambda p: ["a", *p[1:]]), f"header {OBJECT}"),
    **{f"the payload is {text!r}": (raw(text), f"payload {OBJECT}") for text in (
        b"[]", b"null", b"7", b'"x"', b"true", b" ", b"{", b"{}{}", b"{'iss': 1}", b"\xff\xfe", b"\xef\xbb\xbf{}",
        '{"iss": "x"}'.encode("utf-16"), b"[" * 9_000, b'{"iss": ' + b"[" * 9_000,
    )},
    "a token within a token": (
        lambda ci: sign(header(ci.issuer), ci.token(), ci.issuer.key), f"payload {OBJECT}"),
    **{f"the header is {text!r}": (
        lambda ci, text=text: sign(text, ci.issuer.claims(GITHUB), ci.issuer.key), f"header {OBJECT}")  # type: ignore[misc]  # as above
       for text in (b"[]", b"null", b'"RS256"', b"\xff", b'{"alg": "RS256", "alg": "none"}')},
    # Members that are there twice, and numbers that are none.
    **{f"{name} twice": (twice(name, value), f"payload {OBJECT}") for name, value in {
        "iss": '"https://evil.example"', "aud": f'"{AUDIENCE}"', "exp": "1", "iat": "1", "sub": '"x"', "jti": '"x"',
        "repository_id": '"123456"',
    }.items()},
    "a member of a member twice": (written(lambda text: f'{{"x": {{"a": 1, "a": 2}}, {text[1:]}'), OBJECT),
    **{f"{number} among the claims": (written(lambda text, n=number: f'{{"x": {n}, {text[1:]}'), OBJECT)  # type: ignore[misc]  # as above
       for number in ("NaN", "Infinity", "-Infinity")},
    # Whom it is for.
    **{f"aud {aud!r}": (claiming(aud=aud), AUD) for aud in (
        "", "other.example", AUDIENCE + "/", AUDIENCE + ".", AUDIENCE.upper(), " " + AUDIENCE, AUDIENCE + "\n",
        AUDIENCE[:-1], AUDIENCE + "x", f"https://{AUDIENCE}", f"{AUDIENCE},other", 7, True, [], ["other"], [[AUDIENCE]],
        {AUDIENCE: 1}, [AUDIENCE, 7], [AUDIENCE, None], AUDIENCE.replace("a", "\u0430"),  # Cyrillic
    )},
    "aud is missing": (claiming(aud=None), AUD),
    "aud is null": (written(lambda text: text.replace(f'"aud": "{AUDIENCE}"', '"aud": null')), AUD),
    **{f"aud is ours and {other!r}": (claiming(aud=[AUDIENCE, other]), ALSO) for other in (
        "other", "", AUDIENCE + "/", "ari:cloud:bitbucket::workspace/0b2d6a52-90f5-4a4b-8b5a-3c9d5f1e7a10",
    )},
    "aud is ours twice": (claiming(aud=[AUDIENCE, AUDIENCE]), "an audience twice"),
    # Who says so.
    **{f"iss {change('ISSUER')!r}": (lambda ci, change=change: ci.issuer.token(GITHUB, iss=change(ci.issuer.url)), ISS)  # type: ignore[misc]  # as above
       for change in (
        lambda u: u + "/", lambda u: u.upper(), lambda u: u.replace("https", "http"),
        lambda u: u.replace("https", "HTTPS"),
        lambda u: u + "#", lambda u: u + "?x", lambda u: u + " ", lambda u: " " + u, lambda u: u + "\n",
        lambda u: u + "0", lambda u: u[:-1], lambda u: u.replace("localhost", "127.0.0.1"),
        lambda u: u.replace("localhost", "localhost."), lambda u: u.replace("localhost", "localhost@evil.example"),
        lambda u: u.replace("//", "//x@"), lambda u: u.replace("o", "\u043e"),  # Cyrillic
        lambda u: u.replace("l", "%6c", 1), lambda u: u + "/../", lambda u: [u], lambda u: {u: 1},
    )},
    **{f"iss is {issuer!r}": (claiming(iss=issuer), ISS) for issuer in (
        "", 7, True, "https://evil.example", "https://token.actions.githubusercontent.com", "https://gitlab.com",
        "http://169.254.169.254/latest", "file:///etc/passwd", "https://[::ffff:127.0.0.1]/",
    )},
    "iss is missing": (claiming(iss=None), ISS),
    # Of when.
    **{f"{name} {value!r}": (claiming(**{name: value}), f"{name} is {MOMENT}") for name in ("exp", "iat", "nbf")
       for value in ("4102444800", 4102444800.5, 1e30, True, -1, 2**63, [1], {"x": 1}, "")},
    "exp is missing": (claiming(exp=None), f"exp is {MOMENT}"),
    "iat is missing": (claiming(iat=None), f"iat is {MOMENT}"),
    "nbf is null": (written(lambda text: text.replace('"nbf": ', '"nbf": null, "x": ')), f"nbf is {MOMENT}"),
    "it expired": (moved(exp=-32), "expired"),
    "it expired yesterday": (moved(iat=-90_000, nbf=-90_000, exp=-86_400), "expired"),
    "it was made in the future": (moved(iat=40, exp=300), FUTURE),
    "it holds only later": (moved(nbf=40), FUTURE),
    "it lives too long by one second": (moved(iat=-10, exp=3591), LIFE),
    "it lives for ten years": (moved(exp=315_360_000), LIFE),
    "it was made at the beginning of time": (claiming(iat=0), LIFE),
    "it ends as it begins": (moved(iat=5, exp=5), LIFE),
    "it ends before it begins": (moved(iat=20, exp=5), LIFE),
    # Claims that every token of the provider has, or that would forge a line of the commit.
    **{f"{name} is missing": (claiming(**{name: None}), f"has no claim {name}") for name in (
        "repository", "repository_id", "repository_owner_id", "workflow_ref", "event_name", "ref", "sha", "run_id",
    )},
    **{f"{name} is a list": (claiming(**{name: [GITHUB[name]]}), f"has no claim {name}")
       for name in ("repository_id", "event_name")},
    **{f"{name} has {shown}": (claiming(**{name: f"{GITHUB[name]}{text}"}), LINE) for name in (
        "ref", "sha", "environment", "actor")
       for shown, text in {"a line break": "\nAllowed-By: x", "an escape": "\x1b[2J", "a space": " "}.items()},
    "a fact is too long": (claiming(ref="refs/heads/" + "x" * 500), LINE),
    "a fact turns the direction of text": (claiming(actor="ann\u202e"), LINE),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_for_its_own_reason(shared: Ci, name: str) -> None:
    attack, why = ATTACKS[name]
    code, text = shared.refusal(attack(shared))
    assert code == "invalid-token", text
    assert why in text
    assert "\n" not in text


def test_there_are_as_many_attacks_as_were_promised() -> None:
    assert len(ATTACKS) >= 250


def test_no_attack_left_anything_and_none_led_elsewhere(shared: Ci) -> None:
    for attack, _ in ATTACKS.values():
        shared.refusal(attack(shared))
    assert shared.mint(shared.token()).status_code == 200
    assert len(shared.issuer.asked) <= 8  # discovery and keys: at the beginning, and once for all those unknown keys
    assert {*shared.issuer.asked} == {"/.well-known/openid-configuration", "/keys"}


GOOD: Mapping[str, Attack] = {
    "as it comes": lambda ci: ci.token(),
    "expired within the leeway": moved(iat=-300, exp=-27),
    "made a little in the future": moved(iat=27, nbf=27),
    "an hour long": moved(exp=3600),
    "aud is a list of ours": claiming(aud=[AUDIENCE], jti="good-1"),
    "no nbf": claiming(nbf=None, jti="good-2"),
    "no typ": lambda ci: sign(header(ci.issuer, typ=None), ci.issuer.claims(GITHUB, jti="good-3"), ci.issuer.key),
    "typ in small letters": lambda ci: sign(
        header(ci.issuer, typ="jwt"), ci.issuer.claims(GITHUB, jti="good-4"), ci.issuer.key
    ),
    "a thumbprint in the header": lambda ci: sign(
        header(ci.issuer, x5t="abc"), ci.issuer.claims(GITHUB, jti="good-5"), ci.issuer.key
    ),
    "no jti": claiming(jti=None),
    "jti is empty": claiming(jti=""),
    "jti is a number": claiming(jti=7),
    "jti is long": claiming(jti="x" * 5_000),
    "jti is no Unicode": claiming(jti="\ud800"),
    "further claims of other kinds": claiming(jti="good-6", groups=["a"], weight=1.5, nothing={}, more=False),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_unusual_and_good_is_taken(ci: Ci, name: str) -> None:
    assert ci.mint(GOOD[name](ci)).status_code == 200


def test_an_elliptic_key_is_as_good(ci: Ci) -> None:
    ci.issuer.rotate("elliptic", ec_key(1))
    assert ci.mint(ci.token()).status_code == 200
    hmac_token = shared_secret("HS256", lambda c: pem(c.issuer.key))(ci)
    assert ci.refusal(hmac_token)[0] == "invalid-token"


def test_an_accepted_issuer_cannot_speak_for_another(ci: Ci) -> None:
    with issuing() as other:
        ci.site.policy(waybill=accepting(ci.issuer.url, f", {other.url}"))
        other.rotate("other", rsa_key(50))
        assert ci.refusal(other.token(GITHUB))[0] == "invalid-publisher"  # its own name, our ids
        forged = sign(header(other), other.claims(GITHUB, iss=ci.issuer.url), other.key)
        assert "has no RS256 key" in ci.refusal(forged)[1]
        forged = sign(header(ci.issuer), other.claims(GITHUB, iss=ci.issuer.url), other.key)
        assert SIGNATURE in ci.refusal(forged)[1]
