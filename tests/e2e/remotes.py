"""Stores to push to: a folder, and real S3 and SSH servers on loopback."""

import contextlib
import dataclasses
import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.project import Project

# In an environment of its own, because dvc-s3 needs another botocore
MOTO = Path(sys.prefix) / "moto/bin/moto_server"
SSHD = Path("/usr/sbin/sshd")


@dataclass(frozen=True)
class Remote:
    """A store as DVC's config has it. `secret` belongs in .dvc/config.local, which git ignores."""

    url: str
    settings: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict)

    def add(self, project: Project, **changed: str) -> None:
        """Makes it the project's default remote, with some settings changed."""
        project.run("dvc", "remote", "add", "--local", "--force", "--default", "store", self.url)
        for name, value in (self.settings | self.secret | {"verify": "true"} | changed).items():
            project.run("dvc", "remote", "modify", "--local", "store", name, value)


def port() -> int:
    """A free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@contextlib.contextmanager
def _running(
    command: list[str], log: Path, ready: Callable[[], None], **env: str
) -> Iterator[None]:
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | env)
    try:
        for _ in range(300):
            assert server.poll() is None, log.read_text()[-2000:]
            with contextlib.suppress(OSError):
                ready()
                break
            time.sleep(0.1)
        yield
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def folder(root: Path) -> Iterator[Remote]:
    """A local folder."""
    yield Remote(str(root / "store"))


@contextlib.contextmanager
def s3(root: Path) -> Iterator[Remote]:
    """moto's server, with a bucket."""
    if not MOTO.is_file():
        pytest.skip("no S3 server: `make test` installs moto")
    server_port = port()
    url = f"http://127.0.0.1:{server_port}"
    secret = {"access_key_id": "testing", "secret_access_key": "testing"}

    def ready() -> None:
        request = urllib.request.Request(
            f"{url}/bucket", method="PUT", headers={"Host": f"127.0.0.1:{server_port}"}
        )
        urllib.request.urlopen(request, timeout=5).close()

    # By its environment's own Python: the script names the folder where that was first made
    server = [str(MOTO.with_name("python")), str(MOTO), "-H", "127.0.0.1", "-p", str(server_port)]
    with _running(server, root / "moto.log", ready):
        yield Remote("s3://bucket/store", {"endpointurl": url, "region": "us-east-1"}, secret)


def guarded(remote: Remote) -> Remote:
    """Makes moto's server take the keys of one user alone. Returns the store with that user's
    keys.
    """
    from botocore.session import get_session

    url, secret = remote.settings["endpointurl"], remote.secret
    keys = {
        "aws_access_key_id": secret["access_key_id"],
        "aws_secret_access_key": secret["secret_access_key"],
    }
    iam = get_session().create_client(
        "iam", endpoint_url=url, region_name=remote.settings["region"], **keys
    )
    iam.create_user(UserName="pusher")
    all_of_s3 = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    iam.put_user_policy(UserName="pusher", PolicyName="s3", PolicyDocument=json.dumps(all_of_s3))
    access_key = iam.create_access_key(UserName="pusher")["AccessKey"]
    enforce = urllib.request.Request(
        f"{url}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(enforce, timeout=5).close()
    new_secret = {
        "access_key_id": access_key["AccessKeyId"],
        "secret_access_key": access_key["SecretAccessKey"],
    }
    return dataclasses.replace(remote, secret=new_secret)


@contextlib.contextmanager
def ssh(root: Path) -> Iterator[Remote]:
    """OpenSSH's server, which accepts one key."""
    if not SSHD.is_file():
        pytest.skip("no SSH server: install Debian's openssh-server")
    server_port, keys = port(), root / "keys"
    keys.mkdir()
    for name in ("host", "user", "stranger"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True
        )
    shutil.copy(keys / "user.pub", keys / "authorized")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # needed to separate its privileges
    settings = {
        "Port": server_port,
        "ListenAddress": "127.0.0.1",
        "HostKey": keys / "host",
        "AuthorizedKeysFile": keys / "authorized",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "yes",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
    }
    (root / "sshd_config").write_text(
        "".join(f"{name} {value}\n" for name, value in settings.items())
    )

    def ready() -> None:
        socket.create_connection(("127.0.0.1", server_port), timeout=1).close()

    with _running(
        [str(SSHD), "-D", "-e", "-f", str(root / "sshd_config")], root / "sshd.log", ready
    ):
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{server_port}{root / 'store'}"
        yield Remote(url, secret={"keyfile": str(keys / "user")})


KINDS = {"folder": folder, "s3": s3, "ssh": ssh}
