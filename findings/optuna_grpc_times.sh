#!/usr/bin/env bash
# optuna 5.0.0 with grpcio 1.85.1: GrpcStorageProxy sends the times of a trial as local times without
# a zone, and the server takes them for its own local times.
# Seen: a client in New York creates a trial with a start of its own (create_new_trial with a
# template) through a server in Tokyo; read from the database, the start is 14 hours early
# ("off by -14.0 h"). Without the proxy it is right.
# It matters because durations and time lines over machines in several zones are wrong by hours,
# and nothing says so. Remedy: keep seconds since 1970 in user attributes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q optuna==5.0.0 grpcio==1.85.1 protobuf==7.35.1
cd "$folder"
cat > server.py <<'PY'
import sys, warnings
import optuna
warnings.simplefilter("ignore")
storage = optuna.storages.get_storage("sqlite:///times.db")
optuna.storages.run_grpc_proxy_server(storage, host="localhost", port=int(sys.argv[1]))
PY
cat > client.py <<'PY'
import sys, warnings
from datetime import datetime
import optuna
from optuna.trial import TrialState
warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
proxy = optuna.storages.GrpcStorageProxy(host="localhost", port=int(sys.argv[1]))
proxy.wait_server_ready(timeout=60)
study = proxy.create_new_study([optuna.study.StudyDirection.MINIMIZE], "s")
template = optuna.trial.create_trial(state=TrialState.RUNNING)
template.datetime_start = datetime.now()
proxy.create_new_trial(study, template)
PY
cat > reader.py <<'PY'
import sys, time
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = optuna.storages.RDBStorage("sqlite:///times.db")
(trial,) = storage.get_all_trials(1)
off = (trial.datetime_start.timestamp() - time.time()) / 3600
print(f"off by {off:.1f} h")
sys.exit(0 if abs(abs(off) - 14) < 1.1 else 1)
PY
port=$("$folder/venv/bin/python" -c "
import socket
s = socket.socket(); s.bind(('localhost', 0)); print(s.getsockname()[1])")
TZ=Asia/Tokyo "$folder/venv/bin/python" server.py "$port" &
server=$!
TZ=America/New_York "$folder/venv/bin/python" client.py "$port"
TZ=Asia/Tokyo "$folder/venv/bin/python" reader.py
