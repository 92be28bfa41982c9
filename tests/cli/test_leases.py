"""obtain, renew and release, by different processes; ls, show, floor, version."""
import re
import signal
import time

import pytest
from conftest import blocks, wait_until

TOKEN = re.compile(r"[A-Za-z0-9/:._@+%-]+,[A-Za-z0-9/:._@+%-]+,\d+,[0-9a-f]{32},\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_obtain_renew_release(leaselock):
    lease = leaselock.obtain("r", "--client", "me", "--ttl", "60")
    assert TOKEN.fullmatch(lease)
    assert lease.startswith("r,me,1,")
    renewed = leaselock("renew", lease).stdout.strip()
    assert renewed.split(",")[:4] == lease.split(",")[:4]
    assert renewed.split(",")[4] > lease.split(",")[4]
    done = leaselock("release", lease)
    assert (done.stdout, done.stderr) == ("", "")
    assert leaselock.state("r") == "RELEASED"
    assert leaselock.obtain("r").split(",")[2] == "2"


def test_renewal_keeps_the_ttl_of_the_grant(leaselock):
    lease = leaselock.obtain("r", "--ttl", "1234")
    assert leaselock.json("renew", lease)["ttl"] == 1234
    assert 1200 < leaselock.json("show", "r")["remaining"] <= 1234


def test_a_lease_by_its_parts(leaselock):
    lease = leaselock.json("obtain", "r", "--client", "me")
    parts = [f"--{name}={lease[name]}" for name in ("resource", "client", "sequence", "acquisition")]
    assert leaselock.json("renew", *parts)["sequence"] == lease["sequence"]
    assert leaselock.json("release", *parts) == {"resource": "r", "client": "me", "sequence": 1, "released": True}


def test_a_lease_from_standard_input(leaselock):
    lease = leaselock.obtain("r")
    renewed = leaselock("renew", "-", input=lease.encode() + b"\n").stdout
    leaselock("release", "-", input=renewed.encode())
    leaselock("release", "-", input=b"", code=64)


def test_held_is_75(leaselock):
    leaselock.obtain("r", "--client", "first")
    for client in ("first", "second"):
        done = leaselock("obtain", "--no-wait", "--client", client, "r", code=75)
        assert done.stdout == ""
        assert '"r" is held by "first" (sequence 1, ' in done.stderr
    assert leaselock.json("show", "r")["sequence"] == 1


def test_no_wait_is_no_wait(leaselock):
    leaselock.obtain("r")
    start = time.monotonic()
    leaselock("obtain", "--no-wait", "r", code=75)
    leaselock("obtain", "--wait", "0", "r", code=75)
    assert time.monotonic() - start < 4.75, "the time of the default backoff"


def test_wait_is_over_in_time(leaselock):
    leaselock.obtain("r")
    start = time.monotonic()
    leaselock("obtain", "--wait", "600ms", "r", code=75)
    assert time.monotonic() - start >= 0.6


@pytest.mark.any_engine
def test_the_default_backoff(leaselock):
    leaselock.obtain("r")
    start = time.monotonic()
    leaselock("obtain", "r", code=75)
    assert time.monotonic() - start >= 4.75


@pytest.mark.parametrize("wait", [["--wait", "60"], ["--wait", "forever"]])
def test_a_waiter_gets_it_when_released(leaselock, wait):
    lease = leaselock.obtain("r")
    waiter = leaselock.start("obtain", *wait, "--client", "waiter", "r")
    wait_until(lambda: blocks(waiter.pid, signal.SIGTERM))
    assert waiter.process.poll() is None
    leaselock("release", lease)
    assert waiter.line().startswith("r,waiter,2,")
    assert waiter.end()[0] == 0


def test_a_waiter_gets_it_when_expired(leaselock):
    leaselock.obtain("r", "--ttl", "300ms")
    assert leaselock.json("obtain", "--wait", "60", "r")["sequence"] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_ends_the_wait(leaselock, number):
    leaselock.obtain("r", "--client", "first")
    waiter = leaselock.start("obtain", "--wait", "forever", "r")
    wait_until(lambda: blocks(waiter.pid, number))
    waiter.signal(number)
    assert waiter.end() == (128 + number, "")
    assert leaselock.json("show", "r")["client"] == "first"


def test_released_is_76(leaselock):
    lease = leaselock.obtain("r")
    leaselock("release", lease)
    for command in ("renew", "release"):
        done = leaselock(command, lease, code=76)
        assert done.stdout == "" and "leaselock: " in done.stderr


def test_taken_over_is_76(leaselock):
    lost = leaselock.obtain("r", "--ttl", "100ms", "--client", "slow")
    taken = leaselock("obtain", "--wait", "60", "--client", "quick", "r").stdout.strip()
    for command in ("renew", "release"):
        assert "quick" in leaselock(command, lost, code=76).stderr
    assert leaselock.state("r") == "HELD"
    leaselock("release", taken)


def test_somebody_elses_acquisition_is_76(leaselock):
    lease = leaselock.obtain("r")
    resource, client, sequence, _, expiry = lease.split(",")
    forged = ",".join([resource, client, sequence, "0" * 32, expiry])
    for command in ("renew", "release"):
        leaselock(command, forged, code=76)
    leaselock("release", lease)


def test_an_expired_lease_can_be_renewed(leaselock):
    lease = leaselock.obtain("r", "--ttl", "100ms")
    wait_until(lambda: leaselock.state("r") == "EXPIRED")
    assert leaselock.json("renew", lease)["sequence"] == 1


def test_floor_only_rises(leaselock):
    assert leaselock("floor").stdout == "0\n"
    held = leaselock.obtain("held")
    assert leaselock("floor", "1000").stdout == "1000\n"
    assert leaselock.json("floor", "5") == {"floor": 1000}
    assert leaselock.json("floor") == {"floor": 1000}
    assert leaselock.json("obtain", "r")["sequence"] == 1001
    leaselock("renew", held)


def test_ls_lists_what_is_held(leaselock):
    leaselock.obtain("b", "--client", "me", "--ttl", "90")
    leaselock("release", leaselock.obtain("a"))
    leaselock.obtain("c", "--ttl", "100ms")
    wait_until(lambda: [lease["resource"] for lease in leaselock.json("ls")] == ["b"])
    assert [(lease["resource"], lease["state"]) for lease in leaselock.json("ls", "--all")] == [
        ("a", "RELEASED"),
        ("b", "HELD"),
        ("c", "EXPIRED"),
    ]
    (lease,) = leaselock.json("ls")
    assert lease == leaselock.json("show", "b") | {"remaining": lease["remaining"]}
    assert (lease["client"], lease["sequence"], lease["ttl"]) == ("me", 1, 90)
    assert 80 < lease["remaining"] <= 90


def test_ownership_is_printed_by_obtain_and_renew_only(leaselock):
    lease = leaselock.json("obtain", "r")
    for arguments in (["ls"], ["ls", "--json"], ["ls", "--all"], ["show", "r"], ["show", "--json", "r"]):
        assert lease["acquisition"] not in leaselock(*arguments).stdout


def test_show_of_what_never_was(leaselock):
    done = leaselock("show", "r", code=66)
    assert (done.stdout, done.stderr) == ("", 'leaselock: "r" was never leased\n')


def test_version(leaselock):
    assert leaselock("version").stdout == f"leaselock {leaselock.json('version')['version']}\n"
    assert leaselock("--version").stdout == leaselock("version").stdout
    assert leaselock.database.is_untouched()
