"""Push results so that other machines need not make them again: `dvc push --run-cache`, and the
metrics with it.

DVC keeps metrics that git holds in the cache too, as part of a run, but does not push them (3.67):
elsewhere a run whose metrics are missing would be run again. In a clone without a remote it says
what `dvc push` says.

Run: python -m tools.push [STAGE...]
"""

import subprocess
import sys

from dvc.repo import Repo


def main() -> None:
    """Push the outs of the stages named on the command line, of all where there are none, and all
    metrics.
    """
    done = subprocess.run(["dvc", "push", "--run-cache", *sys.argv[1:]], check=False)
    if done.returncode:
        sys.exit(done.returncode)
    repo = Repo()
    with repo.lock:
        uncached = (
            out.hash_info for stage in repo.index.stages for out in stage.outs if not out.use_cache
        )
        repo.cloud.push(
            {known for known in uncached if known and repo.cache.local.exists(known.value)}
        )


if __name__ == "__main__":
    main()
