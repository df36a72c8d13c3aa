#!/usr/bin/env bash
# LocalCluster(dashboard_address=None) opens Dask's HTTP server all the same, on its usual port, and warns if it is taken.
#
# Versions: distributed 2026.8.0 (Python 3.11, x86-64).
# Behaviour: the documentation says "Set to None to disable the dashboard". The pages of the dashboard are off, but the
#   scheduler's HTTP server listens on port 8787 (start_http_server takes `dashboard_address or default_port`). If that
#   is taken, a UserWarning says so on standard error and another port is used. An address with port 0 and
#   scheduler_kwargs={"dashboard": False} has no dashboard, no usual port and no warning.
# Why it matters: a command that runs a cluster for itself, twice on one machine, warns the second time of something
#   that was turned off; with warnings as errors the cluster does not start.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q dask==2026.8.0 distributed==2026.8.0

cat > "$folder/listens.py" <<'PYTHON'
import socket
import warnings

import distributed


def start(**options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with distributed.LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", **options) as cluster:
            port = cluster.scheduler.http_server.port
            socket.create_connection(("127.0.0.1", port)).close()  # somebody is there
    return port, [str(warning.message) for warning in caught if "already in use" in str(warning.message)]


if __name__ == "__main__":
    print(distributed.__version__)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 8787))
        other.listen()
        port, warned = start(dashboard_address=None)
        print("None:", port, warned)
        assert port and warned
        port, warned = start(dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False})
        print("port 0:", port, warned)
        assert port and not warned
PYTHON
"$folder/venv/bin/python" "$folder/listens.py"
