# SPDX-License-Identifier: Apache-2.0
"""Make `cmdb.sqlite` in the current directory from `cmdb.sql`, in place of an older one."""

import sqlite3
from contextlib import closing
from pathlib import Path


def main() -> None:
    script = Path(__file__).with_name("cmdb.sql").read_text(encoding="utf-8")
    database = Path("cmdb.sqlite")
    database.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as db:
        db.executescript(script)
    print(f"{database}: the CMDB, some changes behind the source of truth")


if __name__ == "__main__":
    main()
