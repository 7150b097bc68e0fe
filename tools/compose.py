"""Write params.yaml for one profile: what `dvc exp run -S profile=...` does, for a plain `dvc
repro`.

All of it is checked before it is written, so that no stage finds a mistake after others were paid
for.

Run: python -m tools.compose smoke
"""

import re
import sys
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from stages.core.program import params_file
from stages.core.program.errors import StageError
from stages.core.program.files import write_text
from tools import sections

ROOT = Path(__file__).resolve().parents[1]
# ${oc.env:HF_TOKEN}, and whatever else is no mere reference to another entry: it puts this machine
# into the params. Escaped too: of two backslashes one escapes the other, and an entry that refers
# to an escaped text resolves it.
_NAMED = r"\$\{(?:[^{}]|\$\{[^{}]*\})*"
RESOLVER = re.compile(rf"{_NAMED}:|\$\{{(?:[^{{}}]|{_NAMED}\}})*:")


def main() -> None:
    """Compose the profile named on the command line; `group.key=value` overrides may follow it."""
    profile, *overrides = sys.argv[1:] or ["default"]
    known = sorted(path.stem for path in (ROOT / "conf" / "profile").glob("*.yaml"))
    if profile not in known:
        sys.exit(f"error: profile {profile!r} is not in conf/profile/; known: {', '.join(known)}")
    try:
        text = composed(profile, overrides)
        sections.check(params_file.parsed(text))
    except StageError as error:
        line = " ".join(str(error).split()).replace("params.yaml: ", "")
        sys.exit(f"error: profile {profile}: {line}")
    write_text(ROOT / "params.yaml", text)


def composed(profile: str, overrides: list[str]) -> str:
    """The params of a profile as YAML. Raises StageError where Hydra cannot compose them."""
    try:
        with initialize_config_dir(str(ROOT / "conf"), version_base=None):
            config = compose(config_name="config", overrides=[f"profile={profile}", *overrides])
        check(config)
        OmegaConf.resolve(config)
        check(config)  # references can spell a resolver's text, which further ones then resolve
        return OmegaConf.to_yaml(config)
    except StageError:
        raise
    except (
        Exception
    ) as error:  # Hydra, OmegaConf and PyYAML raise many kinds for what a profile's file can hold
        reason = " ".join(str(error).replace(f"{ROOT}/", "").split())
        raise StageError(
            f"cannot be composed: {reason[:400] or type(error).__name__}; mend conf/profile/"
        ) from error


def check(config: Any) -> None:
    """Raises StageError for an entry that asks a resolver, or lacks its value."""
    if found := resolver(OmegaConf.to_container(config, resolve=False, throw_on_missing=True)):
        raise StageError(
            f"{found}: would put what this machine knows into a file that git holds; write it out"
        )


def resolver(value: Any) -> str | None:
    """The first text in `value` that asks a resolver."""
    if isinstance(value, str):
        return value if RESOLVER.search(value) else None
    parts = (
        [*value, *value.values()]
        if isinstance(value, dict)
        else value
        if isinstance(value, list)
        else []
    )
    return next((found for part in parts if (found := resolver(part))), None)


if __name__ == "__main__":
    main()
