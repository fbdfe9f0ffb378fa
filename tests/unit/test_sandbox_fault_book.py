import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hubfleet_sandbox.openstack.inside.fault_book import Book, Fault

STRIKE = """
import sys
from pathlib import Path
from hubfleet_sandbox.openstack.inside.fault_book import Book
book = Book(Path(sys.argv[1]))
print(sum(book.strike(book.faults()[0], "process") for _ in range(40)))
"""


def test_a_book_that_nobody_wrote_in_is_empty_and_makes_no_file(tmp_path: Path) -> None:
    assert Book(tmp_path).faults() == ()
    assert not Book(tmp_path).used
    assert list(tmp_path.iterdir()) == []


def test_what_one_writes_every_other_reads(tmp_path: Path) -> None:
    reader = Book(tmp_path)
    assert reader.faults() == ()
    first = Book(tmp_path).add(Fault("http", status=503))
    second = Book(tmp_path).add(Fault("quota", kept={"nova": {"cores": 4}}))
    assert (first.id, second.id) == (1, 2)
    assert reader.faults() == (first, second)
    Book(tmp_path).remove({1})
    assert reader.of("quota", "http") == (second,)
    assert Book(tmp_path).add(Fault("reset")).id == 3


def test_two_changes_within_one_tick_are_two(tmp_path: Path) -> None:
    reader, file = Book(tmp_path), tmp_path / "faults.json"
    Book(tmp_path).add(Fault("http"))
    assert len(reader.faults()) == 1
    tick = file.stat().st_mtime_ns
    file.write_text('{"next": 2, "faults": []}')  # the same inode, as when a name is freed and used again
    os.utime(file, ns=(tick, tick))
    assert reader.faults() == ()


def test_three_times_is_three_times_for_threads_and_processes_together(tmp_path: Path) -> None:
    book = Book(tmp_path)
    fault = book.add(Fault("http", times=100))
    argv = [sys.executable, "-c", STRIKE, str(tmp_path)]
    children = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        mine = sum(pool.map(lambda _: book.strike(fault, "thread"), range(80)))
    theirs = sum(int(child.communicate(timeout=60)[0]) for child in children)
    assert mine + theirs == 100
    found = book.faults()[0]
    assert (found.done, found.over) == (100, True)
    assert len(found.diary) == 100


def test_the_first_chances_may_pass(tmp_path: Path) -> None:
    book = Book(tmp_path)
    fault = book.add(Fault("http", after=2, times=1))
    assert [book.strike(fault, "") for _ in range(4)] == [False, False, True, False]


def test_chances_drawn_from_a_seed_are_the_same_again(tmp_path: Path) -> None:
    def drawn(seed: int) -> list[bool]:
        book = Book(tmp_path)
        fault = book.add(Fault("http", probability=0.5, seed=seed))
        return [book.strike(fault, "") for _ in range(30)]

    once = drawn(7)
    assert 5 < sum(once) < 25
    assert drawn(7) == once
    assert drawn(8) != once


def test_what_a_fault_holds_it_goes_on_holding_and_counts_once(tmp_path: Path) -> None:
    book = Book(tmp_path)
    fault = book.add(Fault("node-never-joins", times=2))
    assert [book.hold(fault, name) for name in ("a", "b", "a", "c", "b")] == [True, True, True, False, True]
    assert book.faults()[0].done == 2


def test_a_fault_that_was_cleared_does_not_strike_for_those_who_still_know_it(tmp_path: Path) -> None:
    book = Book(tmp_path)
    fault = book.add(Fault("http"))
    Book(tmp_path).remove({fault.id})
    assert not book.strike(fault, "")
    assert not book.hold(fault, "a")


def test_a_fault_is_about_a_service_a_method_and_a_path() -> None:
    fault = Fault("http", service="magnum", method="POST", path="/clusters$")
    assert fault.meets("magnum", "POST", "/v1/clusters")
    assert not fault.meets("nova", "POST", "/v1/clusters")
    assert not fault.meets("magnum", "GET", "/v1/clusters")
    assert not fault.meets("magnum", "POST", "/v1/clusters/x")
    assert Fault("http").meets("nova", "GET", "/")


def test_a_fault_is_about_a_cluster_by_its_release_and_a_node_group() -> None:
    fault = Fault("node-never-joins", cluster="pythia", group="user")
    assert fault.concerns("pythia-abcdefghij12", "user")
    assert not fault.concerns("pythia-2-abcdefghij12", "user")
    assert not fault.concerns("pythia-abcdefghij12", "gpu")
    assert Fault("node-never-joins").concerns("pythia-abcdefghij12", "gpu")
