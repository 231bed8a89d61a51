#!/usr/bin/python
# Copyright (c) the mdevadm authors
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: mdevadm_host
short_description: Configure the mediated devices of a host as described
description:
  - Runs C(mdevadm apply) with a description of the host, see mdevadm.host(5). Parents are prepared, devices are defined, modified and
    started, and groups created and changed. If the host is as described, nothing is written.
  - A device in use is never stopped. All other changes are made, and the task fails and names the processes that use the device.
  - The result is I(changed) only if a change was made, also if the task fails.
version_added: 0.1.0
author:
  - the mdevadm authors
extends_documentation_fragment:
  - mdevadm.host.program
options:
  src:
    description:
      - File with the description on the managed host, or a directory of files C(*.toml).
      - Default, if neither I(content) nor I(description) is given, is C(/etc/mdevadm/host.toml).
    type: path
  content:
    description:
      - The description as text in TOML format.
    type: str
  description:
    description:
      - The description as a dictionary with the keys of mdevadm.host(5), such as C(device), a list of dictionaries. C(version) may be
        omitted, and keys with the value null are omitted.
    type: dict
  dest:
    description:
      - File on the managed host, such as C(/etc/mdevadm/host.toml), to which I(content) or I(description) is written before changes are
        made. A description that is invalid or cannot be on this host is not written. With I(root), a file below that directory.
    type: path
  prune:
    description:
      - Remove definitions and groups that an earlier run has created from a description with the same namespace and that the
        description no longer contains, and stop their devices.
    type: bool
    default: false
  wait:
    description:
      - Time to wait for devices in use that must be stopped to be released, in seconds or with a unit, for example C(10min).
    type: str
attributes:
  check_mode:
    description: Reports what would be changed, and changes nothing.
    support: full
  diff_mode:
    description: Returns the changes as C(mdevadm diff) prints them.
    support: full
"""

EXAMPLES = r"""
- name: Four vGPUs on any GPU, which start at boot
  mdevadm.host.mdevadm_host:
    dest: /etc/mdevadm/host.toml
    description:
      device:
        - name: seat-{}
          count: 4
          type: nvidia-17
          start: auto

- name: The host is as its file describes it
  mdevadm.host.mdevadm_host:
    src: /etc/mdevadm/host.toml
    prune: true
    wait: 10min
"""

RETURN = r"""
changes:
  description: What differs from the description, as in C(mdevadm diff --json).
  returned: in check mode, in diff mode and with I(dest)
  type: list
  elements: dict
results:
  description: Result of each operation, as in C(mdevadm apply --json).
  returned: if changes were to be made
  type: list
  elements: dict
hints:
  description: Commands and explanations that help with the failure.
  returned: on failure
  type: list
  elements: str
notes:
  description: Notes of the program, for example which definitions I(prune) would remove.
  returned: always
  type: list
  elements: str
toml:
  description: The description in TOML format, to which line and column of messages refer.
  returned: on failure, if I(description) was given
  type: str
rc:
  description: Exit status of the program, see mdevadm-apply(8).
  returned: on failure
  type: int
"""

import errno
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible_collections.mdevadm.host.plugins.module_utils.mdevadm import (
    DIFFERS, DescriptionError, Program, failures_of, text_of_changes, text_of_failures, toml_of)


def content_of(path):
    """Returns the content of a file; it is empty if there is none."""
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


def require_writable(directory):
    """Raises OSError if no file can be made in the directory, which may have to be made itself."""
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    if not os.path.isdir(directory):
        raise OSError(errno.ENOTDIR, "'{0}' is not a directory".format(directory))
    if os.access(directory, os.W_OK | os.X_OK):
        return
    number = errno.EROFS if os.statvfs(directory).f_flag & os.ST_RDONLY else errno.EACCES
    raise OSError(number, os.strerror(number))


class Host(object):
    """The task: compares the host with the description, and makes it so."""

    def __init__(self, module):
        self.module = module
        self.program = Program(module)
        self.result = {"changed": False, "notes": [], "diff": []}
        self.written = False
        params = module.params
        self.data = params["content"]
        if params["description"] is not None:
            try:
                self.data = toml_of(params["description"])
            except DescriptionError as error:
                module.fail_json(msg="invalid description: {0}".format(error))
        if params["dest"] and self.data is None:
            module.fail_json(msg="dest requires content or description")
        self.arguments = []
        if self.data is not None:
            self.arguments = ["--file", "-"]
        elif params["src"]:
            self.arguments = ["--file", params["src"]]
        if params["prune"]:
            self.arguments.append("--prune")

    def run(self, command, arguments=None):
        status, printed, err = self.program.run([command] + self.arguments + (arguments or []), self.data)
        self.status = status
        self.result["notes"] = printed.get("notes", [])
        for warning in printed.get("warnings", []):
            self.module.warn(warning)
        return status, printed, err

    def end(self, finish, **more):
        """Ends with the result, by exit_json or fail_json."""
        if not self.module._diff:
            del self.result["diff"]
        finish(**dict(self.result, **more))

    def fail(self, printed, err):
        failures = failures_of(printed)
        hints = [hint for one in failures for hint in one.get("hints", [])]
        if self.module.params["description"] is not None:
            self.result["toml"] = self.data
        self.end(self.module.fail_json, msg=text_of_failures(failures) or err.strip(), hints=hints, rc=self.status)

    def compare(self):
        """Fails if the description is invalid or cannot be on this host."""
        status, printed, err = self.run("diff")
        if status not in (0, DIFFERS):
            self.fail(printed, err)
        self.result["changes"] = printed["changes"]
        if self.module._diff:
            self.result["diff"].append({"prepared": text_of_changes(printed["changes"], printed["file"])})
        self.result["changed"] = bool(printed["changes"])

    def write(self, dest):
        """Writes the description, unless the file has it already. Returns whether it had to."""
        after = to_bytes(self.data)
        before = content_of(dest)
        if before == after:
            return False
        if self.module._diff:
            self.result["diff"].insert(
                0, {"before_header": dest, "after_header": dest, "before": to_text(before), "after": to_text(after)})
        directory = os.path.dirname(dest)
        require_writable(directory)
        if self.module.check_mode:
            return True
        if not os.path.isdir(directory):
            os.makedirs(directory, 0o755)
        number, temporary = tempfile.mkstemp(dir=self.module.tmpdir)
        with os.fdopen(number, "wb") as file:
            file.write(after)
        os.chmod(temporary, 0o644)
        self.module.atomic_move(temporary, dest)
        return True

    def apply(self):
        wait = self.module.params["wait"]
        status, printed, err = self.run("apply", ["--wait", wait] if wait else [])
        self.result["results"] = printed.get("results", [])
        # A device may have been defined although its start failed.
        self.result["changed"] = self.written or any(one["changed"] for one in self.result["results"])
        if status != 0:
            self.fail(printed, err)

    def make(self):
        dest = self.module.params["dest"]
        if dest and self.module.params["root"]:
            dest = os.path.join(self.module.params["root"], dest.lstrip("/"))
        if self.module.check_mode or self.module._diff or dest:
            self.compare()
        if dest:
            dest = os.path.abspath(dest)
            try:
                self.written = self.write(dest)
            except (IOError, OSError) as error:
                self.result["changed"] = False
                self.end(self.module.fail_json, msg="cannot write the description to '{0}': {1}".format(dest, error.strerror))
        if self.module.check_mode:
            self.result["changed"] = self.result["changed"] or self.written
        else:
            self.apply()
        self.end(self.module.exit_json)


def main():
    module = AnsibleModule(
        argument_spec={
            "src": {"type": "path"},
            "content": {"type": "str"},
            "description": {"type": "dict"},
            "dest": {"type": "path"},
            "prune": {"type": "bool", "default": False},
            "wait": {"type": "str"},
            "root": {"type": "path"},
            "executable": {"type": "str", "default": "mdevadm"},
        },
        mutually_exclusive=[("src", "content", "description"), ("src", "dest")],
        supports_check_mode=True)
    Host(module).make()


if __name__ == "__main__":
    main()
