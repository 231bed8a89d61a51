#!/usr/bin/python
# Copyright (c) the mdevadm authors
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: mdevadm_facts
short_description: Gather facts about the mediated devices of a host
description:
  - Returns parents, types with available instances, devices, groups and findings of a host as facts, as mdevadm prints them with
    C(--json). Changes nothing.
version_added: 0.1.0
author:
  - the mdevadm authors
extends_documentation_fragment:
  - mdevadm.host.program
options:
  gather:
    description:
      - What to gather. Devices include the processes that use them, which takes longest.
    type: list
    elements: str
    choices: [parents, types, devices, groups, findings]
    default: [parents, types, devices, groups]
attributes:
  check_mode:
    description: Gathers facts as without check mode.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: Gather facts about mediated devices
  mdevadm.host.mdevadm_facts:

- name: Print the types with available instances
  ansible.builtin.debug:
    msg: "{{ ansible_facts.mdevadm.types | selectattr('available', 'gt', 0) | map(attribute='type') }}"
"""

RETURN = r"""
ansible_facts:
  description: Facts to add.
  returned: always
  type: dict
  contains:
    mdevadm:
      description: Mediated devices of the host.
      returned: always
      type: dict
      contains:
        installed:
          description: Whether the program is installed. If not, the other keys are empty.
          type: bool
          returned: always
        parents:
          description: As C(parents) of C(mdevadm status --json).
          type: list
          elements: dict
          returned: if gathered
        types:
          description: As C(types) of C(mdevadm types --json).
          type: list
          elements: dict
          returned: if gathered
        devices:
          description: As C(devices) of C(mdevadm list --all --json).
          type: list
          elements: dict
          returned: if gathered
        groups:
          description: As C(groups) of C(mdevadm group list --json).
          type: list
          elements: dict
          returned: if gathered
        findings:
          description: As C(findings) of C(mdevadm check --json).
          type: list
          elements: dict
          returned: if gathered
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mdevadm.host.plugins.module_utils.mdevadm import Program, failures_of, find, text_of_failures

COMMANDS = {
    "parents": ["status"],
    "types": ["types"],
    "devices": ["list", "--all"],
    "groups": ["group", "list"],
    "findings": ["check"],
}


def main():
    module = AnsibleModule(
        argument_spec={
            "gather": {"type": "list", "elements": "str", "choices": ["parents", "types", "devices", "groups", "findings"],
                       "default": ["parents", "types", "devices", "groups"]},
            "root": {"type": "path"},
            "executable": {"type": "str", "default": "mdevadm"},
        },
        supports_check_mode=True)
    facts = {"installed": find(module, required=False) is not None}
    for key in module.params["gather"]:
        facts[key] = []
        if facts["installed"]:
            # "check" has exit status 8 if it finds errors or warnings.
            printed, err = Program(module).run(COMMANDS[key])[1:]
            if key not in printed:
                module.fail_json(msg=text_of_failures(failures_of(printed)) or err.strip())
            facts[key] = printed[key]
    module.exit_json(changed=False, ansible_facts={"mdevadm": facts})


if __name__ == "__main__":
    main()
