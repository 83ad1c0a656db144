"""Worker processes that are ended, and a parent that is: one line, nothing lost, nobody left."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from memlib.base.parallel import in_processes


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # one that has ended but is not yet waited for
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_work_of_a_killed_process_is_done_by_those_that_remain(tmp_path, capfd):
    def work(name, folder):
        if name == "fatal" and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        with open(folder / name, "a") as file:
            file.write("done\n")
        return name

    def is_done(name, folder):
        return (folder / name).exists()

    calls = [(name, tmp_path) for name in ("first", "fatal", "last")]
    found = in_processes(work, calls, n_jobs=2, is_done=is_done)
    assert set(found) <= {"first", "fatal", "last"}
    for name, _ in calls:
        assert (tmp_path / name).read_text() == "done\n"  # and nothing is done twice
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert "a worker process was ended, often for lack of memory" in told
    assert "try fewer --jobs. Finished pieces are kept, 1 process goes on" in told


SCRIPT = """
import os, sys, time
from memlib.base.parallel import in_processes

def work(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()
    time.sleep(120)

in_processes(work, [(sys.argv[1],)] * 2, n_jobs=2)
"""


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks at processes as Linux shows them")
def test_processes_end_when_their_parent_is_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30  # of the 120 seconds that the work takes
    while any(map(running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
