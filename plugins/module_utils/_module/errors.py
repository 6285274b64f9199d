# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exception that becomes the failure message of a task, on the controller and on the managed node."""

from __future__ import annotations


class TaskFailure(Exception):
    """The task fails.

    Its text is the message for the user: it names the thing, the place and, if there is one, the way out. The traceback of its
    ``__cause__`` becomes the result's ``exception``.

    Attributes:
        file: the absolute path of the file that the message is about, as in ``dsync.exceptions.DSyncException``.
    """

    file: str = ""
