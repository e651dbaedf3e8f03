# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who takes part. Each makes a command that brings a catalogue into the cloud; where it is there, that command is a no-op."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import settings
from catalogue import Image
from measuring import Command, clean_environment


class Contestant(t.NamedTuple):
    """One way to do the job."""

    name: str
    #: Makes the command; may write files into the folder
    command: t.Callable[[list[Image], Path], Command]
    #: Runs a process for each image, so that one round has many of them
    loops: bool = False


class Playbook(t.NamedTuple):
    """A playbook in the form in which users write it, run with the default settings of Ansible."""

    venv: Path
    collections: Path
    module: str
    #: One task with the whole catalogue instead of a loop
    whole: bool = False

    def __call__(self, images: list[Image], folder: Path) -> Command:
        (folder / "catalogue.json").write_text(json.dumps({"catalogue": [declared(image) for image in images]}))
        task = {"name": "Declare them", **(self._one_task() if self.whole else self._loop())}
        return self._command({"vars_files": ["catalogue.json"], "tasks": [task]}, folder)

    def without_tasks(self, folder: Path) -> Command:
        """What Ansible takes for itself."""
        return self._command({"tasks": []}, folder)

    def _command(self, play: dict[str, t.Any], folder: Path) -> Command:
        playbook = folder / "playbook.yml"
        start = {"name": "The images of the benchmark", "hosts": "localhost", "gather_facts": False}
        playbook.write_text(json.dumps([start | play], indent=2))
        environment = clean_environment() | self._environment(folder)
        return Command([str(self.venv / "bin" / "ansible-playbook"), str(playbook)], environment)

    def _one_task(self) -> dict[str, t.Any]:
        return {self.module: {"cloud": "local", "images": "{{ catalogue }}", "workers": settings.WORKERS}}

    def _loop(self) -> dict[str, t.Any]:
        options = {key: f"{{{{ item.{key} }}}}" for key in declared(Image("", Path(), {}))}
        return {
            self.module: {"cloud": "local", **options},
            "loop": "{{ catalogue }}",
            "loop_control": {"label": "{{ item.name }}"},
        }

    def _environment(self, folder: Path) -> dict[str, str]:
        return {
            "PATH": f"{self.venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            **_of_the_cloud(folder),
        }


class ModuleAlone(t.NamedTuple):
    """A module as a process of its own, without Ansible around it, with the first image of a catalogue."""

    venv: Path
    collections: Path
    #: Name in full, such as openstack.cloud.image
    module: str

    def __call__(self, images: list[Image], folder: Path) -> Command:
        return self.with_options(folder, **declared(images[0]))

    def with_options(self, folder: Path, **options: t.Any) -> Command:
        """The same with any options."""
        arguments = folder / "arguments.json"
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {"cloud": "local", **options}}))
        environment = clean_environment() | _of_the_cloud(folder) | {"PYTHONPATH": str(self.collections)}
        return Command([str(self.venv / "bin" / "python"), "-m", self.python_name, str(arguments)], environment)

    @property
    def python_name(self) -> str:
        namespace, collection, name = self.module.split(".")
        return f"ansible_collections.{namespace}.{collection}.plugins.modules.{name}"


def command_line(images: list[Image], folder: Path) -> Command:
    """A script as users write it: what is not there under the name is created. Nothing is compared."""
    script = folder / "openstack.sh"
    lines = ["set -eu"]
    for image in images:
        properties = " ".join(f"--property {key}={value}" for key, value in image.properties.items())
        lines.append(
            f"openstack image show -c id '{image.name}' 2>/dev/null ||"
            f" openstack image create --disk-format raw --container-format bare --private {properties}"
            f" --file '{image.file}' -c id '{image.name}'"
        )
    script.write_text("\n".join(lines) + "\n")
    path = f"{settings.INCUMBENT_VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = clean_environment() | _of_the_cloud(folder) | {"OS_CLOUD": "local", "PATH": path}
    return Command(["bash", str(script)], environment)


def declared(image: Image) -> dict[str, t.Any]:
    """An image in the options that our modules and openstack.cloud.image have in common."""
    return {
        "name": image.name,
        "filename": str(image.file),
        "disk_format": "raw",
        "visibility": "private",
        "properties": image.properties,
    }


def _of_the_cloud(folder: Path) -> dict[str, str]:
    cache = folder / "cache"
    return {"OS_CLIENT_CONFIG_FILE": str(settings.CLOUD_DIR / "clouds.yaml"), "XDG_CACHE_HOME": str(cache)}


_OURS = (settings.OURS_VENV, settings.OURS_COLLECTIONS)
_THEIRS = (settings.INCUMBENT_VENV, settings.INCUMBENT_COLLECTIONS)

IMAGES = Contestant("images", Playbook(*_OURS, "cloudimage.glance.images", whole=True))
IMAGE = Contestant("image", Playbook(*_OURS, "cloudimage.glance.image"), loops=True)
INCUMBENT = Contestant("openstack.cloud.image", Playbook(*_THEIRS, "openstack.cloud.image"), loops=True)
CLI = Contestant("openstack", command_line, loops=True)

IMAGE_ALONE = Contestant("image, without Ansible", ModuleAlone(*_OURS, "cloudimage.glance.image"))
IMAGES_ALONE = ModuleAlone(*_OURS, "cloudimage.glance.images")
INCUMBENT_ALONE = Contestant("openstack.cloud.image, without Ansible", ModuleAlone(*_THEIRS, "openstack.cloud.image"))
