"""Push results so that other machines need not make them again: `dvc push --run-cache`, and the
metrics with it.

A metrics file that git holds is also part of a run, so DVC keeps it in its cache. But DVC does not
push it (seen in 3.67). On another machine a run whose metrics are missing would run again. In a
clone without a remote this program says what `dvc push` says.

Run: python -m tools.push [STAGE...]
"""

import subprocess
import sys

from dvc.repo import Repo


def main() -> None:
    """Push the outs of the stages on the command line, or of all stages, and all metrics.

    Exits with the code of `dvc push` where that fails.
    """
    pushed = subprocess.run(["dvc", "push", "--run-cache", *sys.argv[1:]], check=False)
    if pushed.returncode:
        sys.exit(pushed.returncode)
    # The metrics, which are not cached outs of their stages but lie in the cache all the same
    repo = Repo()
    with repo.lock:
        uncached_outs = (
            out.hash_info for stage in repo.index.stages for out in stage.outs if not out.use_cache
        )
        in_cache = {
            hash_info
            for hash_info in uncached_outs
            if hash_info and repo.cache.local.exists(hash_info.value)
        }
        repo.cloud.push(in_cache)


if __name__ == "__main__":
    main()
