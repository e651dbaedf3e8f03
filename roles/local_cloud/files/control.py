# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at, lays out, installs, starts and stops a local cloud.

Called as ``control.py COMMAND SETTINGS`` where SETTINGS is JSON (see vars/main.yml of the role). Prints JSON; a failure is one
sentence on stderr and exit status 3. Needs nothing but Python, because it makes the virtual environment that has the rest.

A process belongs to the cloud if its environment says so, which no reused process id can do. The files run/*.pid are for people.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKER = ".cloudimage-local-cloud"
VARIABLE = "CLOUDIMAGE_LOCAL_CLOUD"
STOP_SECONDS = 10
OLDEST_PYTHON = (3, 11)
REFUSED = 3


class Refusal(Exception):
    """Something the user has to know, in one sentence."""


@dataclass(frozen=True)
class Process:
    """A running process of the cloud, and what its environment says about it."""

    pid: int
    service: str
    port: int
    digest: str
    is_master: bool


@dataclass(frozen=True)
class Service:
    """A service as the role describes it."""

    name: str
    port: int
    option: str
    config_variable: str


class Cloud:
    """A local cloud: its directories, its services and their processes."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.dir = absolute(settings["dir"])
        self.venv = absolute(settings["venv"])
        self.clouds_yaml = absolute(settings["clouds_yaml"])
        self.timeout = int(settings["timeout"])
        self.packages: list[str] = settings["packages"]
        self.digest: str = settings["digest"]
        self.users: list[str] = settings["users"]
        self.programs: dict[str, str] = settings["programs"]
        self.services = [
            Service(each["name"], int(each["port"]), each["option"], each["config_variable"])
            for each in settings["services"]
        ]

    # -- Commands ------------------------------------------------------------------------------------------------------

    def inspect(self, state: str) -> dict[str, Any]:
        """Say what is there, and refuse what cannot work. Changes nothing."""
        check_ours(self.dir, "local_cloud_dir")
        processes = self.processes()
        ready = self.venv_is_ready()
        if state == "started":
            check_ours(self.venv, "local_cloud_venv")
            self.check_clouds_yaml()
            self.check_ports(processes)
            check_programs(self.programs)
            if not ready:
                check_python()
        running = {process.service: process for process in processes if process.is_master}
        current = all(
            service.name in running and running[service.name].digest == self.config_digest(service)
            for service in self.services
        )
        return {
            "dir": str(self.dir),
            "venv": str(self.venv),
            "clouds_yaml": str(self.clouds_yaml),
            "exists": self.dir.exists(),
            "clouds_yaml_is_ours": self.clouds_yaml.is_file() and self.signature() in first_line(self.clouds_yaml),
            "laid_out": all(path.exists() for path in self.layout()) and self.secrets_file.exists(),
            "venv_is_ready": ready,
            "current": current and ready,
            "running": sorted({process.service for process in processes}),
            "signature": self.signature(),
        }

    def lay_out(self) -> dict[str, Any]:
        """Make the directories and the passwords."""
        self.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.dir / MARKER).touch()
        for path in self.layout():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clouds_yaml.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.secrets_file.exists():
            unfinished = self.secrets_file.with_suffix(".new")
            unfinished.write_text(json.dumps({user: secrets.token_urlsafe(24) for user in self.users}))
            unfinished.replace(self.secrets_file)
        return {"changed": True}

    def install(self) -> dict[str, Any]:
        """Make the virtual environment, anew if a former attempt was cut off. A second installer waits for the first."""
        self.venv.mkdir(parents=True, exist_ok=True)
        with locked(self.venv):
            if self.venv_is_ready():
                return {"changed": False}
            if (self.venv / MARKER).exists() and not self.stamps():
                clear(self.venv)
            (self.venv / MARKER).touch()
            for stamp in self.stamps():
                stamp.unlink()
            python = self.venv / "bin" / "python"
            if not python.exists():
                run([sys.executable, "-m", "venv", str(self.venv)], "The virtual environment could not be made")
            # Compiling everything takes longer than the few modules that are used need at their first import.
            pip = [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile"]
            constraints = ["--quiet", "--constraint", str(self.dir / "etc" / "constraints.txt")]
            run([*pip, *constraints, *self.packages], f"pip could not install {', '.join(self.packages)}")
            self.stamp.touch()
        return {"changed": True}

    def start(self) -> dict[str, Any]:
        """Start what does not run, and start anew what runs with another configuration or does not answer."""
        with locked(self.dir):
            processes = self.processes()
            self.check_ports(processes)
            wanted = []
            for service in self.services:
                own = [process for process in processes if process.service == service.name]
                if not self.is_well(service, own):
                    self.end(service.name)
                    wanted.append(service)
            started: dict[str, subprocess.Popen[bytes]] = {}
            try:
                # All old ones are gone before the first new one comes, so that two services may swap their ports.
                sizes = {service.name: file_size(self.error_log(service)) for service in wanted}
                for service in wanted:
                    started[service.name] = self.launch(service)
                for service in wanted:
                    self.wait_for(service, started[service.name], sizes[service.name])
            except BaseException:
                for name in started:
                    self.end(name)
                raise
        return {"changed": bool(wanted), "started": [service.name for service in wanted]}

    def stop(self) -> dict[str, Any]:
        """Leave no process of this cloud running."""
        with locked(self.dir) if self.dir.is_dir() else contextlib.nullcontext():
            running = self.processes()
            for name in sorted({process.service for process in running}):
                self.end(name)
        return {"changed": bool(running)}

    # -- Files ---------------------------------------------------------------------------------------------------------

    @property
    def secrets_file(self) -> Path:
        """Where the passwords are kept."""
        return self.dir / "secrets.json"

    @property
    def stamp(self) -> Path:
        """The file that says that the virtual environment is complete."""
        return self.venv / f"{MARKER}-{self.digest[:16]}"

    def stamps(self) -> list[Path]:
        """The stamps of this and of other versions of the role."""
        return list(self.venv.glob(f"{MARKER}-*"))

    def venv_is_ready(self) -> bool:
        """Whether all packages are installed; the interpreter may have gone with an upgrade of the system."""
        return self.stamp.exists() and (self.venv / "bin" / "python").exists()

    def layout(self) -> list[Path]:
        """The directories of the cloud."""
        names = [service.name for service in self.services]
        parts = [self.dir / parent / name for parent in ("etc", "data") for name in names]
        return [self.dir / "log", self.dir / "run", *parts]

    def signature(self) -> str:
        """The first line of a clouds.yaml that is this cloud's."""
        return f"Written by the role cloudimage.glance.local_cloud for {self.dir}."

    def error_log(self, service: Service) -> Path:
        """Where the service, and gunicorn, write what is worth telling."""
        return self.dir / "log" / f"{service.name}-error.log"

    def config_digest(self, service: Service) -> str:
        """A digest of everything that a running service has read."""
        digest = hashlib.sha256(f"{self.digest} {self.venv} {service.port}".encode())
        for path in sorted((self.dir / "etc" / service.name).glob("*")):
            if path.is_file():
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    # -- Checks --------------------------------------------------------------------------------------------------------

    def check_clouds_yaml(self) -> None:
        """Refuse to write over a clouds.yaml that is somebody else's."""
        if self.clouds_yaml.exists() and not (
            self.clouds_yaml.is_file() and self.signature() in first_line(self.clouds_yaml)
        ):
            raise Refusal(
                f"{self.clouds_yaml} was not written by this role for this cloud and is left alone; "
                "choose another path with local_cloud_clouds_yaml."
            )

    def check_ports(self, processes: list[Process]) -> None:
        """Refuse ports that are none, that are the same, or that another program listens on."""
        seen: dict[int, str] = {}
        for service in self.services:
            port, option = service.port, service.option
            if not 0 < port < 65536:
                raise Refusal(f"{option} is {port}, which is not a TCP port.")
            if port in seen:
                raise Refusal(f"{seen[port]} and {option} are both {port}; each service needs a port of its own.")
            seen[port] = option
            if any(process.port == port for process in processes):
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except PermissionError:
                    raise Refusal(
                        f"This user may not listen on port {port}; choose a higher one with {option}."
                    ) from None
                except OSError:
                    raise Refusal(
                        f"Port {port} on 127.0.0.1, meant for {service.name}, is taken by another program; "
                        f"choose a free one with {option}."
                    ) from None

    # -- Processes -----------------------------------------------------------------------------------------------------

    def processes(self) -> list[Process]:
        """All running processes of this cloud, workers and orphans too."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                process = self.read_process(int(entry.name))
                if process:
                    found.append(process)
        return found

    def read_process(self, pid: int) -> Process | None:
        """The process, if it is one of this cloud. One that has ended, or is a zombie, has no environment."""
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            for item in environment.split(b"\0"):
                name, _sign, value = item.partition(b"=")
                if name == VARIABLE.encode():
                    data = json.loads(value)
                    if data["dir"] != str(self.dir):
                        return None
                    return Process(pid, data["service"], data["port"], data["digest"], os.getsid(pid) == pid)
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def is_well(self, service: Service, processes: list[Process]) -> bool:
        """Whether the service runs with its present configuration and answers."""
        masters = [process for process in processes if process.is_master]
        if len(masters) != 1 or masters[0].digest != self.config_digest(service):
            return False
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline and self.read_process(masters[0].pid):
            if answers(service.port):
                return True
            time.sleep(0.1)
        return False

    def launch(self, service: Service) -> subprocess.Popen[bytes]:
        """Start the service in a session of its own, which holds on to nothing of the caller's."""
        python = self.venv / "bin" / "python"
        config = self.dir / "etc" / service.name
        mark = {"dir": str(self.dir), "service": service.name, "port": service.port}
        mark["digest"] = self.config_digest(service)
        # Variables of the caller that would change what the service, gunicorn or oslo.config do.
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OS_", "PYTHON", "GUNICORN_")) and name.lower() not in ("http_proxy", "all_proxy")
        }
        for name in ("no_proxy", "NO_PROXY"):
            environment[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
        environment[service.config_variable] = str(config)
        # Without SPT_NOENV, setproctitle writes over the environment that tells whose process this is.
        environment.update({VARIABLE: json.dumps(mark), "SPT_NOENV": "1"})
        environment["PATH"] = f"{self.venv / 'bin'}:{environment.get('PATH', os.defpath)}"
        with self.error_log(service).open("ab") as log:
            # Keystone parses the command line of its process, so gunicorn finds its configuration by the working directory.
            process = subprocess.Popen(
                [str(python), "-m", "gunicorn"],
                cwd=config,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        (self.dir / "run" / f"{service.name}.pid").write_text(f"{process.pid}\n")
        return process

    def wait_for(self, service: Service, process: subprocess.Popen[bytes], log_start: int) -> None:
        """Wait until the service answers; tell the end of its log if it does not."""
        deadline = time.monotonic() + self.timeout
        while not answers(service.port):
            status = process.poll()
            if status is not None or time.monotonic() > deadline:
                what = f"did not answer within {self.timeout} seconds" if status is None else f"ended (status {status})"
                log = self.error_log(service)
                raise Refusal(f"{service.name} {what}; the end of {log}:\n{tail(log, log_start)}")
            time.sleep(0.1)

    def end(self, service: str) -> None:
        """End all processes of a service: politely at first, and surely in the end."""
        own = self.alive(service)
        for process in [each for each in own if each.is_master] or own:
            send(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while own and time.monotonic() < deadline:
            time.sleep(0.05)
            own = self.alive(service)
        deadline = time.monotonic() + STOP_SECONDS
        while own:
            if time.monotonic() > deadline:
                raise Refusal(f"{service} cannot be ended: process {own[0].pid} does not even yield to SIGKILL.")
            for process in own:
                send(process.pid, signal.SIGKILL)
            time.sleep(0.05)
            own = self.alive(service)
        with contextlib.suppress(FileNotFoundError):
            (self.dir / "run" / f"{service}.pid").unlink()

    def alive(self, service: str) -> list[Process]:
        """The running processes of one service."""
        return [process for process in self.processes() if process.service == service]


# -- Helpers -----------------------------------------------------------------------------------------------------------


def absolute(path: str) -> Path:
    """The path without "~" and without being relative to anything."""
    # Not resolve(): what a symbolic link leads to is the user's business.
    return Path(os.path.normpath(Path(path).expanduser().absolute()))


def enter_folder() -> None:
    """Change to the folder from which a playbook of the collection was started, as the modules do (_folder.py)."""
    playbook, started = os.environ.get("CLOUDIMAGE_PLAYBOOK_DIR"), os.environ.get("CLOUDIMAGE_STARTED_IN")
    with contextlib.suppress(OSError):
        if playbook and started and Path.cwd().samefile(playbook):
            os.chdir(started)


def check_ours(path: Path, option: str) -> None:
    """Refuse a directory that may hold other people's files, since this role clears and removes what is its own."""
    if path.exists() and not path.is_dir():
        raise Refusal(f"{option}: {path} is not a directory.")
    if path.is_dir() and not (path / MARKER).exists() and any(path.iterdir()):
        raise Refusal(f"{option}: {path} is not empty and was not made by this role; choose another directory.")


def check_python() -> None:
    """Refuse an interpreter that cannot make the virtual environment."""
    version = sys.version.split()[0]
    if sys.version_info < OLDEST_PYTHON:
        raise Refusal(f"local_cloud_python: {sys.executable} is Python {version}, but 3.11 or newer is needed.")
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Refusal(
            f"local_cloud_python: {sys.executable} (Python {version}) lacks the venv module; "
            "install it (on Debian and Ubuntu the package python3-venv) or choose another interpreter."
        )


def check_programs(programs: dict[str, str]) -> None:
    """Refuse what needs a program that is not installed.

    :param programs: what needs each program, by its name.
    """
    for program, what in programs.items():
        if not shutil.which(program):
            raise Refusal(f"{what} needs the program {program}, which is not installed.")


def first_line(path: Path) -> str:
    """The first line of a text file."""
    with path.open(errors="replace") as file:
        return file.readline()


def file_size(path: Path) -> int:
    """The size of a file which may not be there."""
    return path.stat().st_size if path.exists() else 0


def tail(path: Path, start: int, lines: int = 20) -> str:
    """The last lines of what has been written to a log since it was of size start."""
    with path.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def clear(path: Path) -> None:
    """Empty a directory."""
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def run(command: list[str], failure: str) -> None:
    """Run a command; its output is worth reading only when it fails."""
    result = subprocess.run(
        command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False
    )
    if result.returncode:
        output = "\n".join((result.stdout + result.stderr).splitlines()[-20:])
        raise Refusal(f"{failure} (status {result.returncode}):\n{output}")


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may just have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def answers(port: int) -> bool:
    """Whether something on the port speaks HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep a second run on the same directory waiting."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def main() -> int:
    """Do what the command line asks."""
    os.umask(0o077)
    command, settings = sys.argv[1], json.loads(sys.argv[2])
    enter_folder()
    cloud = Cloud(settings)
    try:
        if command == "inspect":
            result = cloud.inspect(settings["state"])
        else:
            commands = {"lay_out": cloud.lay_out, "install": cloud.install, "start": cloud.start, "stop": cloud.stop}
            result = commands[command]()
    except Refusal as error:
        print(error, file=sys.stderr)
        return REFUSED
    except OSError as error:
        print(f"The local cloud cannot use {error.filename}: {error.strerror}.", file=sys.stderr)
        return REFUSED
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
