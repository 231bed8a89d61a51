# Copyright (c) the mdevadm authors
# SPDX-License-Identifier: MIT
"""Runs mdevadm and reads its JSON; writes structured descriptions as TOML."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import re

# The exit status of "diff" and "apply --check" if the host differs from its description.
DIFFERS = 9

# Keys with numbers. Ansible's templates make text of numbers.
NUMBERS = ("version", "count", "count_per_parent", "aggregate", "virtual_functions", "timeout")


# The only key with text whose numbers are not made text: YAML reads 0660 as another number, and the program refuses numbers.
LITERAL = ("mode",)


class DescriptionError(ValueError):
    """The description has a value that TOML cannot represent."""


class Program(object):
    """mdevadm on this host."""

    def __init__(self, module):
        self.module = module
        self.path = find(module, required=True)
        self.root = module.params.get("root")

    def run(self, arguments, data=None):
        """Returns exit status, the object that was printed, and the text of standard error.

        If there are only errors, the object has these. Fails if there is no object.
        """
        command = [self.path] + arguments + ["--json"]
        if self.root:
            command += ["--root", self.root]
        status, out, err = self.module.run_command(command, data=data, environ_update={"LC_ALL": "C.UTF-8"})
        printed = object_of(out)
        if printed is not None:
            return status, printed, err
        messages = [one for one in map(object_of, err.splitlines()) if one is not None]
        errors = [one["error"] for one in messages if "error" in one]
        if errors:
            return status, {"errors": errors, "warnings": [one["warning"]["message"] for one in messages if "warning" in one]}, ""
        self.module.fail_json(
            msg=first_message(err) or "'{0}' printed no JSON".format(" ".join(command)), rc=status, stdout=out, stderr=err)


def object_of(text):
    """Returns the object whose JSON the text is, or None."""
    try:
        printed = json.loads(text)
    except ValueError:
        return None
    return printed if isinstance(printed, dict) else None


def find(module, required):
    return module.get_bin_path(module.params["executable"], required=required, opt_dirs=["/usr/sbin", "/usr/local/sbin"])


def first_message(text):
    """Returns the first error of a text in the program's format, without its prefix."""
    for line in text.splitlines():
        if line.startswith("mdevadm: error: "):
            return line[len("mdevadm: error: "):]
    return text.strip()


def failures_of(printed):
    """Returns message and hints of each failure in an object that mdevadm has printed."""
    if "errors" in printed:
        return printed["errors"]
    return [one for one in printed.get("results", []) if one["message"]]


def text_of_failures(failures):
    """Returns messages with their hints, as mdevadm prints them."""
    lines = []
    for one in failures:
        lines.append(one["message"])
        lines += ["hint: " + hint for hint in one.get("hints", [])]
    return "\n".join(lines)


def text_of_changes(changes, name):
    """Returns changes in the format of mdevadm-diff(8)."""
    if not changes:
        return ""
    lines = ["--- host", "+++ " + name]
    for change in changes:
        sign = {"add": "+", "remove": "-"}.get(change["change"], "~")
        action = "" if change["change"] in ("add", "remove", "change") else change["change"] + " "
        subject = "'{0}'".format(change["name"] or change["uuid"] or change["parent"])
        if change["name"] and change["uuid"]:
            subject += " ({0})".format(change["uuid"])
        if change["object"] == "device" and change["parent"]:
            subject += " on " + change["parent"]
        lines.append("{0} {1}{2} {3}".format(sign, action, change["object"], subject))
        for one in change["differences"]:
            if one["before"] is not None:
                lines.append("-   {0}: {1}".format(one["key"], one["before"]))
            if one["after"] is not None:
                lines.append("+   {0}: {1}".format(one["key"], one["after"]))
    return "\n".join(lines) + "\n"


def _text(value):
    # The escapes of JSON are escapes of TOML.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key):
    return key if re.match("[A-Za-z0-9_-]+$", key) else _text(key)


def _value(key, value):
    if key in NUMBERS and not isinstance(value, (bool, list, dict)):
        try:
            return str(int(value))
        except ValueError:
            pass
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        pairs = ["{0} = {1}".format(_key(k), _value(k, v)) for k, v in value.items() if v is not None]
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(key, item) for item in value) + "]"
    if isinstance(value, float):
        raise DescriptionError("'{0}' is {1}, and descriptions have whole numbers only".format(key, value))
    if isinstance(value, int) and key in LITERAL:
        return str(value)
    # Other keys have text: without quotes, YAML makes numbers of "1150" and other names of digits.
    return _text("{0}".format(value))


def toml_of(description):
    """Returns a structured description as TOML, one key a line."""
    lines, tables = [], []
    if "version" not in description:
        lines.append("version = 1")
    for key, value in description.items():
        if value is None:
            continue
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for item in value:
                tables += ["", "[[{0}]]".format(_key(key))]
                tables += ["{0} = {1}".format(_key(k), _value(k, v)) for k, v in item.items() if v is not None]
        else:
            lines.append("{0} = {1}".format(_key(key), _value(key, value)))
    return "\n".join(lines + tables) + "\n"
