"""Write params.yaml for one profile: what `dvc exp run -S profile=...` does, for a plain `dvc repro`.

Run: python conf/compose.py smoke
"""

import sys
from pathlib import Path

import yaml
from dvc.utils.hydra import compose_and_dump

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Compose the profile named on the command line; `group.key=value` overrides may follow it."""
    profile, *overrides = sys.argv[1:] or ["default"]
    known = sorted(path.stem for path in (ROOT / "conf" / "profile").glob("*.yaml"))
    if profile not in known:
        sys.exit(f"error: profile {profile!r} is not in conf/profile/; known: {', '.join(known)}")
    target = ROOT / ".params.new.yaml"
    compose_and_dump(target, str(ROOT / "conf"), None, "config", None, [f"profile={profile}", *overrides])
    composed = yaml.safe_load(target.read_text(encoding="utf-8"))
    for axis, name in composed["report"]["headline"].items():  # the report would find it out after all training
        known = composed["grid"][f"{axis}s"]
        if name not in known:
            target.unlink()
            sys.exit(f"error: report.headline.{axis}: {name!r} is not in grid.{axis}s; known: {', '.join(known)}")
    target.replace(ROOT / "params.yaml")


if __name__ == "__main__":
    main()
