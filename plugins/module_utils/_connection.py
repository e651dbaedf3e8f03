# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""How a cloud is reached: openstacksdk's configuration and authentication, and every fault of it as one sentence."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
import traceback
import typing as t

from ansible.module_utils.basic import missing_required_lib

from . import _pause, _throttle, _whom
from ._errors import CollectionError, ConnectionProblem, InvalidOption, MissingDependency

#: Seconds between tries when a connection is refused or dropped, or a gateway answers for a service that is away.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
#: Seconds that Keystone gets to answer where api_timeout does not say.
_KEYSTONE_TIMEOUT = 30
_PASSING_STATUSES = (502, 503, 504)
#: What the operating system says inside of what urllib3 says.
_ERRNO = re.compile(r"\[(?:Errno -?\d+|SSL: \w+)\] ([^'\")(]+)")
#: How requests ends what it says about the file of a certificate, if the path of that is relative.
_RELATIVE = re.compile(r"(?<=, invalid path: )[^/].*$")
#: openstack.connect's names of options that may not stand beside a whole configuration in ``cloud``.
_CONNECT_NAMES = {
    "auth_type": "auth_type",
    "auth": "auth",
    "region_name": "region_name",
    "validate_certs": "verify",
    "ca_cert": "cacert",
    "client_key": "key",
    "client_cert": "cert",
    "api_timeout": "api_timeout",
    "interface": "interface",
}

Result = t.TypeVar("Result")


@contextlib.contextmanager
def connection(params: dict[str, t.Any], folder: str | None = None) -> t.Iterator[t.Any]:
    """An authenticated ``openstack.connection.Connection`` made of the connection options; closed afterwards.

    :param folder: where ``clouds.yaml`` is looked for first, if that is not the working directory.
    :raises MissingDependency: without openstacksdk.
    :raises ConnectionProblem: if the cloud is not known, does not answer, or refuses the credentials.
    """
    openstack = _sdk()
    if params["api_timeout"] is not None and params["api_timeout"] < 1:
        raise InvalidOption(f"api_timeout: {params['api_timeout']} is not a number of seconds.")
    _log(openstack, params)
    if params.get("timeout") is not None:
        _throttle.allow(params["timeout"])
    arguments = _connect_arguments(params)
    conn = None
    try:
        with explained(folder):
            conn = _opened(openstack, arguments, folder)
            conn.session.timeout = conn.session.timeout or _KEYSTONE_TIMEOUT
            persistently(lambda: _in_time(conn.session.get_token))
    except ConnectionProblem as problem:
        raise (told_whole(problem, conn) if conn else problem) from problem.__cause__
    except CollectionError:
        raise
    except Exception as fault:  # openstacksdk and keystoneauth let whatever a wrong option leads to pass
        raise ConnectionProblem(
            f"The options of the connection (cloud, auth, ...) cannot be used: {_text(fault)}"
        ) from fault
    try:
        yield conn
    finally:
        conn.close()


def _in_time(call: t.Callable[[], Result]) -> Result:
    """Make the first call to Keystone in a thread of its own, for keystoneauth waits for itself for ever if the address of
    Keystone answers 401 to the question for its versions.

    :raises ConnectionProblem: if there is no result in time.
    """
    outcome: queue.SimpleQueue[tuple[t.Any, BaseException | None]] = queue.SimpleQueue()

    def make() -> None:
        try:
            outcome.put((call(), None))
        except BaseException as fault:  # it is raised again in the thread that waits
            outcome.put((None, fault))

    threading.Thread(target=make, daemon=True).start()
    try:
        result, fault = outcome.get(timeout=_KEYSTONE_TIMEOUT)
    except queue.Empty:
        raise ConnectionProblem(
            f"Keystone gives no token and no reason within {_KEYSTONE_TIMEOUT} seconds; perhaps something else answers at "
            "auth_url and wants credentials of its own."
        ) from None
    if fault:
        raise fault
    return result


def persistently(call: t.Callable[[], Result]) -> Result:
    """Make a call, and make it again for a few seconds while the other side refuses or drops the connection, or answers
    502, 503 or 504; for as long as the task may take while it asks for patience (``_throttle.py``). A 401 inside is
    keystoneauth's business. A time-out is not repeated: it has cost enough already.

    :raises keystoneauth1.exceptions.ClientException: what the last try raised.
    :raises openstack.exceptions.HttpException: likewise, for calls through openstacksdk.
    """
    from keystoneauth1 import exceptions
    from openstack.exceptions import HttpException

    patience, pauses = _throttle.Patience(), iter(PAUSES)
    while True:
        try:
            result = call()
        except exceptions.ConnectTimeout:
            raise
        except (exceptions.ClientException, HttpException) as fault:
            status, headers = _answer_of(fault)
            pause = patience.pause(status, headers)
            if pause is None and (not _is_passing(fault) or (pause := next(pauses, None)) is None):
                raise
        else:
            status = getattr(result, "status_code", 200)
            pause = patience.pause(status, getattr(result, "headers", {}))
            if pause is None and (status not in _PASSING_STATUSES or (pause := next(pauses, None)) is None):
                return result
        _pause.pause(pause)


def _is_passing(fault: t.Any) -> bool:
    """Whether the next try may do better; an answer that breaks off in the middle is no ConnectFailure to keystoneauth."""
    from keystoneauth1 import exceptions
    from requests.exceptions import ChunkedEncodingError

    if isinstance(fault, exceptions.UnknownConnectionError):
        return isinstance(fault.original, ChunkedEncodingError)
    return isinstance(fault, exceptions.ConnectFailure) or _answer_of(fault)[0] in _PASSING_STATUSES


def _answer_of(fault: BaseException) -> tuple[int, t.Mapping[str, str]]:
    """Status and headers of the answer that a fault is about; 0 if there was none.

    keystoneauth says DiscoveryFailure where Keystone does not answer the question for its versions as it should.
    """
    from keystoneauth1.exceptions import DiscoveryFailure

    if isinstance(fault, DiscoveryFailure) and fault.__context__:
        fault = fault.__context__
    status = getattr(fault, "http_status", None) or getattr(fault, "status_code", None) or 0
    return status, getattr(getattr(fault, "response", None), "headers", None) or {}


@contextlib.contextmanager
def explained(folder: str | None = None) -> t.Iterator[None]:
    """Turn the faults of keystoneauth and openstacksdk into :class:`ConnectionProblem`.

    :param folder: see :func:`connection`.
    """
    from keystoneauth1 import exceptions as auth
    from openstack import exceptions as sdk

    try:
        yield
    except auth.Unauthorized as fault:
        raise ConnectionProblem(f"The cloud refuses the credentials: {_text(fault)}") from fault
    except (auth.MissingRequiredOptions, auth.MissingAuthPlugin, auth.NoMatchingPlugin) as fault:
        raise ConnectionProblem(
            f"The credentials are not complete (is the option cloud or OS_CLOUD set?): {_text(fault)}.{_known_clouds(folder)}"
        ) from fault
    except (auth.EndpointNotFound, auth.CatalogException) as fault:
        raise ConnectionProblem(f"The cloud's catalogue has no such service: {_text(fault)}") from fault
    except (auth.DiscoveryFailure, auth.ConnectFailure, auth.ConnectionError, auth.SSLError) as fault:
        raise ConnectionProblem(f"The cloud does not answer: {_text(fault)}") from fault
    except sdk.ConfigException as fault:
        raise ConnectionProblem(f"cloud: {_text(fault)}{_known_clouds(folder)}") from fault
    except (auth.ClientException, sdk.SDKException) as fault:
        waited = _throttle.explanation(*_answer_of(fault))
        raise ConnectionProblem(f"The cloud cannot be used: {_text(fault)}{'.' if waited else ''}{waited}") from fault


def told_whole(problem: ConnectionProblem, conn: t.Any, more: str = "") -> ConnectionProblem:
    """A problem with what was tried, and what to check.

    :param more: another sentence, behind a blank.
    """
    return ConnectionProblem(f"{problem.message.rstrip('.')}.{more}{_whom.told(conn, problem.__cause__)}")


def _log(openstack: t.Any, params: dict[str, t.Any]) -> None:
    if not params["sdk_log_path"]:
        return
    debug = params["sdk_log_level"] == "DEBUG"
    try:
        openstack.enable_logging(debug=debug, http_debug=debug, path=params["sdk_log_path"])
    except OSError as problem:
        raise InvalidOption(
            f"sdk_log_path: {os.path.abspath(params['sdk_log_path'])} cannot be written: {problem.strerror}."
        ) from problem


def _sdk() -> t.Any:
    try:
        import openstack
        import openstack.exceptions
    except ImportError:
        raise MissingDependency(
            missing_required_lib("openstacksdk >= 1.0.0"), exception=traceback.format_exc()
        ) from None
    return openstack


def _connect_arguments(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """The options as arguments of ``openstack.connect``.

    :raises InvalidOption: if ``cloud`` is a whole configuration and another option says something, too.
    """
    cloud = params["cloud"]
    given = {_CONNECT_NAMES[option]: params[option] for option in _CONNECT_NAMES}
    if not isinstance(cloud, dict):
        if cloud is not None and not isinstance(cloud, str):
            raise InvalidOption("cloud: neither the name of a cloud nor a whole configuration.")
        return dict(given, cloud=cloud)
    for option, name in _CONNECT_NAMES.items():
        if given[name] is not None and (option, given[name]) != ("interface", "public"):
            raise InvalidOption(f"cloud: is a whole configuration, so {option} must stand in it, not beside it.")
    return dict(cloud)


def _opened(openstack: t.Any, arguments: dict[str, t.Any], folder: str | None) -> t.Any:
    """What ``openstack.connect`` returns, which cannot be told of a folder."""
    if folder is None:
        return openstack.connect(**arguments)
    return openstack.connection.Connection(config=_configuration(folder).get_one(**arguments))


def _configuration(folder: str | None) -> t.Any:
    """What openstacksdk reads of files and of the environment, with the files of a folder before all others."""
    from openstack.config import OpenStackConfig, loader

    def files(word: str, usual: list[str]) -> list[str] | None:
        return [f"{folder}/{word}.{suffix}" for suffix in ("yaml", "yml", "json")] + usual if folder else None

    return OpenStackConfig(
        config_files=files("clouds", loader.CONFIG_FILES), secure_files=files("secure", loader.SECURE_FILES)
    )


def _known_clouds(folder: str | None) -> str:
    """What the configuration has instead of a cloud that is not found; a sentence, or nothing if it cannot be read."""
    try:
        known = _configuration(folder)
        names = sorted(known.get_cloud_names())
    except Exception:  # the fault that led here is the one to be told
        return ""
    if not known.config_filename:
        searched = ", ".join(_folders(folder))
        return f" There is no clouds.yaml in {searched}, and OS_CLIENT_CONFIG_FILE names {_named_file()}."
    return f" {known.config_filename} has {', '.join(names) or 'no cloud'}."


def _folders(folder: str | None) -> list[str]:
    """Where a ``clouds.yaml`` is looked for, in this order."""
    from openstack.config import loader

    named = os.environ.get("OS_CLIENT_CONFIG_FILE")
    usual = [os.path.dirname(path) for path in loader.CONFIG_FILES if path != named]
    return list(dict.fromkeys([folder, *usual] if folder else usual))


def _named_file() -> str:
    """What the variable says about a file of the user's choice."""
    named = os.environ.get("OS_CLIENT_CONFIG_FILE")
    return f"{os.path.abspath(named)}, which is not there" if named else "none"


def _text(fault: Exception) -> str:
    """What a library says, in one line; of the nested exceptions of a connection only what the system says."""
    text = _RELATIVE.sub(lambda path: os.path.abspath(path[0]), " ".join(str(fault).split()))
    said, nested, details = text.partition(": HTTP")
    system = _ERRNO.search(details)
    return f"{said}: {system[1].strip()}" if nested and system else text
