"""As many situations as were promised, of each CI system, so that their number cannot shrink unseen."""

from importlib import import_module

from registry.publishers import PROVIDERS

FILES = {"other": "general"}
SITUATIONS = {
    name: import_module(f"tests.registry.publishers.test_{FILES.get(name, name)}").SITUATIONS for name in PROVIDERS
}


def test_every_ci_system_has_its_situations_and_all_together_have_many() -> None:
    assert {name for name, found in SITUATIONS.items() if len(found) < 8} == set()
    assert sum(map(len, SITUATIONS.values())) >= 155


def test_each_has_verdicts_of_both_kinds_and_no_two_are_one() -> None:
    for found in SITUATIONS.values():
        assert {bool(wrong) for *_, wrong in found} == {True, False}
        assert len({title for title, *_ in found}) == len(found)
        assert len({(extra, *changes.items()) for _, extra, changes, _ in found}) == len(found)
