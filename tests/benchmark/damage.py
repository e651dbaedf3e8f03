# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who notices that a byte of the data changed on its way to Glance: a fact to be seen, not to be believed."""

from __future__ import annotations

import contextlib
import sys
import typing as t
import urllib.parse
from pathlib import Path

import catalogue
import cloud
import contestants as who
import measuring
import settings
import yaml
from catalogue import Image

sys.path.append(str(Path(__file__).parents[1] / "faults"))

import proxy as faults


class Verified(t.NamedTuple):
    """Whether a contestant looks at what arrived."""

    contestant: str
    verified: bool


class _Flipping:
    """A connection on which one bit of every large piece changes."""

    def __init__(self, side: t.Any) -> None:
        self._side = side

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._side, name)

    def send(self, data: bytes) -> None:
        """The framing of a piece is short, and stands at its ends."""
        middle = len(data) // 2
        flipped = bytes([data[middle] ^ 1]) if len(data) > 1000 else data[middle : middle + 1]
        self._side.send(data[:middle] + flipped + data[middle + 1 :])


class _DamagingProxy(faults.Proxy):
    damaging = False

    def _pass_request(self, client: t.Any, server: t.Any, head: t.Any, stop: t.Any, seen: t.Any) -> None:
        hurt = self.damaging and seen.method == "PUT"
        super()._pass_request(client, _Flipping(server) if hurt else server, head, stop, seen)


def verify(folder: Path) -> t.Iterator[Verified]:
    """Each uploads an image over a connection that damages data, and before over the same one when it does not."""
    images = catalogue.make(folder, "damaged", 1, settings.MIB)
    with _proxied(folder) as (proxy, configuration):
        for contestant in (who.IMAGES, who.IMAGE, who.INCUMBENT, who.CLI):
            command = contestant.command(images, folder)
            command.environment["OS_CLIENT_CONFIG_FILE"] = str(configuration)
            proxy.damaging = False
            if not _succeeds(command, images[0], folder):
                raise measuring.Failure(f"{contestant.name} made another image than the one that was declared")
            proxy.damaging = True
            try:
                verified = _succeeds(command, images[0], folder)
            except measuring.Failure:
                verified = True
            yield Verified(contestant.name, verified)


def _succeeds(command: measuring.Command, image: Image, folder: Path) -> bool:
    """Whether the image has the right data, where the command says that all is well."""
    with cloud.emptied():
        output = measuring.unmeasured(command, folder)
        made = [(one["status"], one["os_hash_value"]) for one in cloud.ours()]
    if [status for status, _digest in made] != ["active"]:
        raise measuring.Failure(f"No image came of it:\n{output}")
    return made[0][1] == catalogue.digest(image.file)


@contextlib.contextmanager
def _proxied(folder: Path) -> t.Iterator[tuple[_DamagingProxy, Path]]:
    """The cloud's configuration, with the damaging proxy in front of Glance."""
    upstream = urllib.parse.urlsplit(cloud.member().url)
    assert upstream.hostname and upstream.port
    configuration = folder / "damaged.yaml"
    with _DamagingProxy((upstream.hostname, upstream.port)) as proxy:
        clouds = yaml.safe_load((settings.CLOUD_DIR / "clouds.yaml").read_text())
        clouds["clouds"]["local"]["image_endpoint_override"] = proxy.url
        configuration.write_text(yaml.safe_dump(clouds))
        yield proxy, configuration
