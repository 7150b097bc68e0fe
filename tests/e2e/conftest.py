"""The tests through DVC share one run of the smoke profile."""

import pytest
import yaml

from tests.e2e.project import Project


@pytest.fixture(scope="session")
def smoked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke profile's results, committed. A test that changes them takes a copy (`copied`)."""
    project = Project(tmp_path_factory.mktemp("smoked") / "whole")
    project.compose("smoke")
    ran = project.repro()
    assert {name.split("@")[0] for name in ran} == set(
        yaml.safe_load((project.root / "dvc.yaml").read_text())["stages"]
    ) - {"import_traces"}
    project.commit("results")
    return project
