"""The one door for untrusted names: what passes has one spelling, and what does not is refused with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from registry import names
from registry.errors import Invalid


@pytest.mark.parametrize(
    ("spelling", "normalised"),
    [("demo", "demo"), ("My.Package", "my-package"), ("a__b--c..d", "a-b-c-d"), ("A", "a"), ("x1", "x1")],
)
def test_every_spelling_of_a_project_has_one_normalised_name(spelling: str, normalised: str) -> None:
    assert names.project_name(spelling) == normalised


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-a",
        "a-",
        ".a",
        "a b",
        "a/b",
        "a\n",
        "a\0",
        "é",
        "\u212aelvin",
        "foo\u017f",
        "\u0131",
        "a" * 101,
        "..",
        "a;b",
        "<b>",
    ],
)
def test_what_is_not_an_ascii_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="is not a project name"):
        names.project_name(name)


@given(st.text(max_size=120))
def test_any_text_is_either_normalised_as_packaging_does_or_refused(text: str) -> None:
    try:
        normalised: str = names.project_name(text)
    except Invalid:
        return
    assert normalised == canonicalize_name(text)


@pytest.mark.parametrize(
    ("spelling", "normalised"),
    [("1.0", "1.0"), ("v1.0", "1.0"), ("1!2.0", "1!2.0"), ("1.0-1", "1.0.post1"), ("1.0+Ubuntu_1", "1.0+ubuntu.1")],
)
def test_every_spelling_of_a_version_has_one_normalised_form(spelling: str, normalised: str) -> None:
    assert names.version(spelling) == normalised


@pytest.mark.parametrize("version", ["", "dog", "1.0 beta x", "9" * 5000, "1\u0663", "1.0\n\n2", "1.0/../2", "1.x"])
def test_what_is_not_a_pep_440_version_is_refused(version: str) -> None:
    with pytest.raises(Invalid, match="version"):
        names.version(version)


def test_versions_are_compared_as_pep_440_does_not_as_text() -> None:
    assert names.same_version("1.0", "1.0.0")
    assert not names.same_version("1.0", "1.0.1")


@pytest.mark.parametrize(
    ("filename", "project", "version", "kind"),
    [
        ("demo-1.0-py3-none-any.whl", "demo", "1.0", "wheel"),
        ("demo-1.0-1-py3-none-any.whl", "demo", "1.0", "wheel"),
        (
            "my_package-1.0+ubuntu.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "my-package",
            "1.0+ubuntu.1",
            "wheel",
        ),
        ("my_package-1.0rc1.tar.gz", "my-package", "1.0rc1", "sdist"),
        ("demo-1!2.0.tar.gz", "demo", "1!2.0", "sdist"),
    ],
)
def test_a_normalised_filename_says_what_it_is(filename: str, project: str, version: str, kind: str) -> None:
    dist = names.distribution(filename)
    assert (dist.filename, dist.project, dist.version, dist.kind) == (filename, project, version, kind)


@pytest.mark.parametrize(
    ("filename", "repair"),
    [
        ("My.Package-1.0.tar.gz", "my_package-1.0.tar.gz"),
        ("my-package-1.0.tar.gz", "my_package-1.0.tar.gz"),
        ("demo-1.00.tar.gz", "demo-1.0.tar.gz"),
        ("Demo-1.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl"),
        ("demo-v1.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl"),
    ],
)
def test_a_filename_in_another_spelling_is_refused_and_the_right_one_is_named(filename: str, repair: str) -> None:
    with pytest.raises(Invalid, match="is not normalised") as refused:
        names.distribution(filename)
    assert f"'{repair}'" in str(refused.value)


@pytest.mark.parametrize(
    "filename",
    [
        *("", "demo.whl", "demo-1.0.zip", "demo-1.0.egg", "demo-1.0.tar.bz2", "CON-1.0.zip", "demo 1.0.tar.gz"),
        *("../demo-1.0.tar.gz", "a/demo-1.0.tar.gz", "a\\demo-1.0.tar.gz", ".demo-1.0.tar.gz", "-demo-1.0.tar.gz"),
        *("demo-1.0.tar.gz\n", "demo-1.0\0.tar.gz", "demo-dog.tar.gz", "demo-1.0-py3-none.whl"),
        *("demo-1.0-1\u0663-py3-none-any.whl", "foo\u017f-1.0-py3-none-any.whl", "a" * 226 + "-1.0.tar.gz"),
        *("demo-1.0-py3-none-any.whl.metadata", "demo-1.0.tar.gz.json"),
    ],
)
def test_what_is_not_a_distribution_filename_is_refused(filename: str) -> None:
    with pytest.raises(Invalid):
        names.distribution(filename)


@given(st.text(max_size=60), st.sampled_from(["-1.0.tar.gz", "-1.0-py3-none-any.whl", ""]))
def test_no_filename_raises_anything_but_a_refusal(stem: str, ending: str) -> None:
    try:
        dist = names.distribution(stem + ending)
    except Invalid:
        return
    assert dist.filename.isascii()
    assert "/" not in dist.filename


@pytest.mark.parametrize("name", sorted(names.RESERVED_REGISTRIES))
def test_names_that_urls_need_cannot_be_registries(name: str) -> None:
    with pytest.raises(Invalid, match="reserved"):
        names.registry_name(name)


@pytest.mark.parametrize("name", ["", "Python", "a_b", "-a", "a-", "@x", "a/b", "a.b", "é", "a" * 101])
def test_what_is_not_a_registry_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        names.registry_name(name)


def test_registry_names_keep_their_spelling() -> None:
    assert names.registry_name("python-3") == "python-3"
