"""What the box does when something under it breaks. Each harness has a control: a broken program that it must notice.

    kill -9                    killed.py, test_kill_*.py               HOMEPORT_TEST_KILLS=200
    the power goes             shim/, journal.py, disk.py, power_cut.py, test_power_cut.py    HOMEPORT_TEST_CUTS=1000
    a full, failing, slow disk shim/, served.py, test_disk_full.py, test_io_errors.py, test_slow_disk.py
    the clock is set           shim/clock.c, test_clock_jumps.py
    slow and many clients      crowd.py, test_slow_clients.py and their neighbours

shim/ is a library in C, preloaded into a server of its own: it stands between the server and libc, notes what is asked
of the disk, and does what the test's plan says. It needs Linux and gcc; where CI=true gcc is installed, elsewhere the
tests are skipped without it. program.py is run.py with one thing changed, for the controls.
"""
