"""An organization's rule sees what a pipeline's identity token proved, at the upload and in the books."""

import sys
from pathlib import Path

import pytest

from registry.cli import main
from registry.cli.rules import Rules
from tests.archives import core_metadata, wheel
from tests.registry.web.pipelines import Ci, accepting, bearing
from tests.registry.web.site import Site

RULE = """\
from validator import rule, skip


@rule("AC101", on=["publish", "ledger"])
def release_comes_from_a_tag(file, provenance, project):
    '''Releases of protected projects are built from a tag that names the version.'''
    if not project.protected:
        skip("not protected")
    assert provenance.ref == f"refs/tags/v{file.version}"
"""


def test_a_release_that_comes_from_another_tag_is_refused_and_the_right_one_is_good_in_the_books(
    ci: Ci, capsys: pytest.CaptureFixture[str]
) -> None:
    site = ci.site
    site.installation.checker = Rules(sys.executable)
    files = {"waybill.yaml": accepting(ci.issuer.url) + "rules: {upload: [AC]}\n", "rules/own_rules.py": RULE}
    site._append("main", {path: text.encode() for path, text in files.items()})  # noqa: SLF001
    bearer = bearing(ci.secret(ref="refs/tags/v1.4.0"))
    refused = site.publish(wheel("payments-api", "1.5.0"), person=None, headers=bearer)
    assert refused.status_code == 400
    assert "AC101 release_comes_from_a_tag: " in refused.text
    assert "refs/tags/v1.4.0" in refused.text
    assert site.publish(wheel("payments-api", "1.4.0"), person=None, headers=bearer).status_code == 200

    clone = Path(site.folder) / "waybill.git"
    assert main(["check", str(clone), "--select", "AC"]) == 0, capsys.readouterr().out
    assert "1 rule passed (1 check)" in capsys.readouterr().out


def test_a_version_that_the_metadata_spells_in_another_way_is_good_in_the_books(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.publish(wheel("demo", "1.0rc1", metadata=core_metadata("Demo", "v1.0-RC.1"))).status_code == 200
    assert main(["check", str(site.folder / "waybill.git"), "--select", "WB5"]) == 0, capsys.readouterr().out
