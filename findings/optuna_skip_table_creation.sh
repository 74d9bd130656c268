#!/usr/bin/env bash
# optuna 5.0.0: RDBStorage(url, skip_table_creation=True) still writes and still makes a table.
# Seen: in a database that has Optuna's tables but no rows, opening it with skip_table_creation=True
# and skip_compatibility_check=True inserts a row into version_info and creates alembic_version
# ("made: ['alembic_version'], rows in version_info: 1").
# It matters to whoever wants to look at a database without changing it (a copy of somebody else's, a
# user with read rights only): the two options do not give a storage that only reads. Look for both
# tables and their rows first, and open the connection read-only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q optuna==5.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import optuna
from optuna.storages._rdb import models
from sqlalchemy import create_engine, inspect, text

optuna.logging.set_verbosity(optuna.logging.ERROR)
url = "sqlite:///study.db"
engine = create_engine(url)
models.BaseModel.metadata.create_all(engine)
before = set(inspect(engine).get_table_names())
optuna.storages.RDBStorage(url, skip_table_creation=True, skip_compatibility_check=True)
made = sorted(set(inspect(engine).get_table_names()) - before)
with engine.connect() as connection:
    rows = connection.execute(text("SELECT count(*) FROM version_info")).scalar()
print(f"made: {made}, rows in version_info: {rows}")
sys.exit(0 if made == ["alembic_version"] and rows == 1 else 1)
PY
