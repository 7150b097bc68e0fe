"""Push results so that other machines need not make them again.

It is `dvc push --run-cache`, and pushes the metrics with it. A metrics file that git holds is also
part of a run, so DVC keeps it in its cache. But DVC does not push it (seen in 3.67). On another
machine a run whose metrics are missing would run again. In a clone without a remote this program
says what `dvc push` says.

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
        in_cache = set()
        for stage in repo.index.stages:
            for out in stage.outs:
                if out.use_cache or not out.hash_info:
                    continue
                if repo.cache.local.exists(out.hash_info.value):
                    in_cache.add(out.hash_info)
        repo.cloud.push(in_cache)


if __name__ == "__main__":
    main()
