#!/usr/bin/env bash
# Python's sqlite3 (seen with Python 3.11.7, SQLite 3.40.1): where SQLite's own error message quotes
# bytes of the file that are no UTF-8, sqlite3 does not raise sqlite3.Error (as the DB-API asks) but
# UnicodeDecodeError, a ValueError. Seen:
#   UnicodeDecodeError: malformed database schema (\xe9) - near "CR": syntax error
# So `except sqlite3.Error` around reading a file of somebody else is not enough: one damaged name in
# the schema, or one written in Latin-1, goes past it as an unrelated exception.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import sqlite3
import sys
from contextlib import closing

path = sys.argv[1]
with closing(sqlite3.connect(path)) as db:
    db.execute("CREATE TABLE Images (name TEXT)")
    db.execute("PRAGMA writable_schema = ON")
    # a table whose name is Latin-1, and whose text is cut off
    db.execute("UPDATE sqlite_master SET name = CAST(x'e9' AS TEXT), sql = CAST(x'4352' AS TEXT)")
    db.commit()
print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
try:
    with closing(sqlite3.connect(path)) as db:
        db.execute("SELECT * FROM Images")
except sqlite3.Error as error:
    sys.exit(f"no longer so: {type(error).__name__}: {error}")
except UnicodeDecodeError as error:
    print("UnicodeDecodeError, no sqlite3.Error; the message was", error.object)
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" "$folder/show.py" "$folder/store.db"
