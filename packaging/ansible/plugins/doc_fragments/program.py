# Copyright (c) the mdevadm authors
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    """Options of all modules, see plugins/module_utils/mdevadm.py."""

    DOCUMENTATION = r"""
options:
  root:
    description:
      - Directory of the system on which to operate, instead of C(/).
    type: path
  executable:
    description:
      - Name or path of the program. Besides PATH, C(/usr/sbin) and C(/usr/local/sbin) are searched.
    type: str
    default: mdevadm
"""
