"""What the tests through DVC share: the smoke profile, run once."""

import pytest
import yaml

from tests.e2e.project import Project


@pytest.fixture(scope="session")
def smoked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke profile's results, committed. Not to be changed: `copied` gives a test its own."""
    found = Project(tmp_path_factory.mktemp("smoked") / "whole")
    found.compose("smoke")
    ran = found.repro()
    assert {name.split("@")[0] for name in ran} == set(
        yaml.safe_load((found.root / "dvc.yaml").read_text())["stages"]
    ) - {"import_traces"}
    found.commit("results")
    return found
