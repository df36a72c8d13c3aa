#!/usr/bin/env bash
# Data that was scattered is gone with the worker that held it: tasks that need it do not run again, but end cancelled.
#
# Versions: distributed 2026.8.0 (Python 3.11, x86-64).
# Behaviour: client.scatter(data) lays data down on one worker. When that worker is killed, tasks on it that are not done
#   cannot be done again elsewhere, as the scheduler does not know how the data came about: waiting for them raises
#   FutureCancelledError. The same data as what a task gives
#   (client.submit(identity, data)) is made again by the worker that comes in its place, and every task is done.
# Why it matters: scatter is what the documentation advises for data that all tasks need; with it the death of one worker
#   is the end of a run that would otherwise not notice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q dask==2026.8.0 distributed==2026.8.0

cat > "$folder/scattered.py" <<'PYTHON'
import os
import tempfile

import distributed


def same(data):
    return data


def use(data, number, mark):
    if number == 3 and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), 9)
    return data + number


def results(lay_down):
    with (
        tempfile.TemporaryDirectory() as folder,
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        data = lay_down(client)
        mark = os.path.join(folder, "mark")
        tasks = [client.submit(use, data, number, mark, pure=False) for number in range(6)]
        outcomes = []
        for task in tasks:
            try:
                outcomes.append(task.result(timeout=30))
            except (Exception, distributed.client.FutureCancelledError) as error:
                outcomes.append(type(error).__name__)
        return outcomes


if __name__ == "__main__":
    print(distributed.__version__)
    scattered = results(lambda client: client.scatter(100))
    submitted = results(lambda client: client.submit(same, 100, pure=False))
    print("scattered:", scattered)
    print("submitted:", submitted)
    assert submitted == [100 + number for number in range(6)]
    assert any(isinstance(outcome, str) for outcome in scattered)
PYTHON
"$folder/venv/bin/python" "$folder/scattered.py"
