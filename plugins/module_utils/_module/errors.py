# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that a task turns into its failure message, on the controller and on the host."""

from __future__ import annotations


class TaskFailure(Exception):
    """The task cannot go on.

    Its text is the sentence for the user: it names the thing, the place and, where there is one, the way out. What led to
    it is its ``__cause__``, whose traceback goes to the result's ``exception``.

    Attributes:
        file: the absolute path of the file that the sentence is about, as in ``dsync.exceptions.DSyncException``.
    """

    file: str = ""
