"""A Request Tracker of its own in a folder: Debian's package, a database of its own, the plain Perl server.

The database is SQLite, or with ``FAULTWISE_TEST_RT_DATABASE=postgresql`` a server of Debian's package postgresql.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg

PACKAGE = Path("/usr/share/request-tracker5")
SERVER = PACKAGE / "libexec" / "rt-server"
SETUP = Path("/usr/sbin/rt-setup-database-5")
MAILGATE = Path("/usr/bin/rt-mailgate-5")
ROOT_PASSWORD = "rootpass1"
EXAMPLES = Path(__file__).parents[2] / "examples" / "request-tracker"

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

_DATABASES = {
    "sqlite": "Set($DatabaseType, 'SQLite'); Set($DatabaseName, '{folder}/var/rt.db');",
    "postgresql": "Set($DatabaseType, 'Pg'); Set($DatabaseHost, '{folder}/pg'); Set($DatabaseName, 'rt5');"
    " Set($DatabaseUser, 'rt'); Set($DatabasePassword, ''); Set($DatabaseAdmin, 'rt');",
}
_CONFIG = """
Set($rtname, 'desk.example');
Set($Organization, 'desk.example');
Set($WebDomain, '{host}');
Set($WebPort, {port});
Set($WebBaseURL, 'http://{host}:{port}');
Set($WebPath, '');
Set($Timezone, 'UTC');
{database}
Set($CorrespondAddress, 'rt@desk.example');
Set($CommentAddress, 'rt-comment@desk.example');
Set($MailCommand, 'mbox');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'warning');
Set($BcryptCost, 4);  # passwords and tokens are checked at every call
Set($WebSecureCookies, 0);
$RT::VarPath = '{folder}/var';
$RT::MasonDataDir = '{folder}/mason';
$RT::MasonSessionDir = '{folder}/sessions';
$RT::MasonLocalComponentRoot = '{folder}/html';
{more}
1;
"""


def is_installed() -> bool:
    """Return whether Debian's package of Request Tracker 5 is here, and somebody other than root to run it."""
    return SERVER.exists() and SETUP.exists() and MAILGATE.exists() and shutil.which("setpriv") is not None


class RequestTracker:
    """One installation; `start` and `stop` as often as wanted."""

    def __init__(self, more: str = "", workers: int = 2) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.host = "127.0.0.1"
        self.base = f"http://{self.host}:{self.port}"
        self.workers = workers
        self.more = more
        self.database = os.environ.get("FAULTWISE_TEST_RT_DATABASE", "sqlite")
        self.process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Write the configuration and make the database."""
        for name in ("var", "mason", "sessions", "html", "etc", "etc/none"):
            (self.folder / name).mkdir()
        self.configure(self.more)
        self._own()
        if self.database == "postgresql":
            self.run(POSTGRES[-1] / "initdb", "-D", self.folder / "pg", "-A", "trust", "-U", "rt")
            options = f"-k {self.folder / 'pg'} -c listen_addresses='' -c fsync=off"
            self._postgres("start", "-o", options, "-l", self.folder / "pg" / "log")
        command = [
            SETUP,
            "--action",
            "init",
            "--force",
            "--dba-password",
            "",
            "--root-password-file",
            self._password_file(),
        ]
        self.run(*command)

    def execute(self, statement: str, rows: Sequence[tuple[object, ...]] = ((),)) -> None:
        """Run a statement of SQL in RT's database, once for each row of values; they stand where `?` is."""
        if self.database == "sqlite":
            with closing(sqlite3.connect(self.folder / "var" / "rt.db")) as database, database:
                database.executemany(statement, rows)
            return
        with psycopg.connect(host=str(self.folder / "pg"), dbname="rt5", user="rt") as connection:
            connection.cursor().executemany(statement.replace("?", "%s"), rows)

    def configure(self, more: str) -> None:
        """Write the configuration, with more lines at its end; they count at the next start."""
        database = _DATABASES[self.database].format(folder=self.folder)
        text = _CONFIG.format(folder=self.folder, database=database, host=self.host, port=self.port, more=more)
        (self.folder / "etc" / "RT_SiteConfig.pm").write_text(text, encoding="utf-8")

    def copy_examples(self) -> None:
        """Copy the panel's callback and the scrip's action to where RT looks for its own."""
        for name in ("html", "lib"):
            shutil.copytree(EXAMPLES / name, self.folder / name, dirs_exist_ok=True)
        self._own()

    def set_up(self) -> str:
        """Copy the example's files and run its script, as its page says; return the token that it prints."""
        self.copy_examples()
        shutil.copy(EXAMPLES / "set-up.pl", self.folder)
        return self.run("perl", self.folder / "set-up.pl").strip()

    def run(self, *command: object, stdin: bytes | None = None) -> str:
        """Run a program of RT's as the user that its server runs as, and return what it prints."""
        result = subprocess.run(
            [*self._as_user(), *map(str, command)],
            input=stdin,
            env=self._environment(),
            capture_output=True,
            check=False,
            cwd=self.folder,
        )
        if result.returncode:
            raise RuntimeError(f"{command[0]}: {result.stdout.decode()[-2000:]}{result.stderr.decode()[-2000:]}")
        return result.stdout.decode()

    def mail(self, raw: bytes, queue: str = "General", action: str = "correspond") -> None:
        """Hand a mail in, as a mail server does."""
        subprocess.run(
            [MAILGATE, "--url", self.base, "--queue", queue, "--action", action],
            input=raw,
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        shutil.rmtree(self.folder / "mason" / "obj", ignore_errors=True)
        shutil.rmtree(self.folder / "mason" / "cache", ignore_errors=True)
        log = (self.folder / "rt.log").open("ab")
        command = [SERVER, "--host", self.host, "--port", self.port, "--max-workers", self.workers]
        self.process = subprocess.Popen(
            [*self._as_user(), *map(str, command)],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx.get(self.base, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.log()
            time.sleep(0.05)
        raise TimeoutError(self.log())

    def stop(self) -> None:
        """Stop the server and its workers."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def pause(self) -> None:
        """Let the server hang, as a machine does that swaps."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and remove the folder."""
        self.stop()
        if (self.folder / "pg").exists():
            self._postgres("stop", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """Return the end of the server's log."""
        path = self.folder / "rt.log"
        return path.read_text(encoding="utf-8", errors="replace")[-3000:] if path.exists() else ""

    def client(self, token: str = "") -> httpx.Client:
        """Return a client of REST2, of root or of a token's owner."""
        base = f"{self.base}/REST/2.0"
        if token:
            return httpx.Client(base_url=base, headers={"Authorization": f"token {token}"}, timeout=60)
        return httpx.Client(base_url=base, auth=("root", ROOT_PASSWORD), timeout=60)

    def _postgres(self, action: str, *options: object) -> None:
        # The server goes on by itself; it must not hold the pipe of a caller that waits for its end.
        command = [POSTGRES[-1] / "pg_ctl", action, "-w", "-D", self.folder / "pg", *options]
        null = subprocess.DEVNULL
        subprocess.run([*self._as_user(), *map(str, command)], check=True, stdin=null, stdout=null, stderr=null)

    def _password_file(self) -> Path:
        path = self.folder / "etc" / "password"
        path.write_text(ROOT_PASSWORD, encoding="utf-8")
        self._own()
        return path

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "RT_SITE_CONFIG": str(self.folder / "etc" / "RT_SiteConfig.pm"),
            "RT_SITE_CONFIG_DIR": str(self.folder / "etc" / "none"),
            "PERL5LIB": str(self.folder / "lib"),
        }

    def _own(self) -> None:
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "www-data:www-data", self.folder], check=True)

    @staticmethod
    def _as_user() -> list[str]:
        if os.geteuid():
            return []
        return ["setpriv", "--reuid", "www-data", "--regid", "www-data", "--init-groups"]


def posted(client: httpx.Client, path: str, body: dict[str, Any] | list[Any]) -> Any:
    """Post JSON and return what is answered."""
    answer = client.post(path, json=body)
    assert answer.status_code in (200, 201), (path, answer.status_code, answer.text)
    return answer.json()
