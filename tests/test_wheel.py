"""What an installed Waybill has: everything that lies beside its code."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent


def test_the_wheel_has_every_page_stylesheet_and_pipeline(tmp_path: Path) -> None:
    [built] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        packed = set(archive.namelist())
    beside = {
        str(p.relative_to(ROOT))
        for p in (ROOT / "registry").rglob("*")
        if p.suffix in {".html", ".css", ".yml", ".groovy"}
    }
    assert len(beside) >= 7
    assert beside <= packed
