from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from hubfleet_sandbox.nodes.address_book import ADDRESSES, AddressBook, Lease


def test_a_service_has_its_address_until_it_gives_it_back(tmp_path: Path) -> None:
    book = AddressBook(tmp_path / "book")
    lease = book.take("pythia", "uid-1")
    assert lease == Lease(0, "pythia", "uid-1")
    assert AddressBook(tmp_path / "book").of("pythia", "uid-1") == lease, "it outlives the process that took it"
    book.give_back(lease)
    assert book.of("pythia", "uid-1") is None
    assert book.take("other", "uid-2") == Lease(0, "other", "uid-2")


def test_a_preferred_address_is_given_only_when_it_is_free(tmp_path: Path) -> None:
    book = AddressBook(tmp_path)
    first, second = book.take("a", "1", 7), book.take("b", "2", 7)
    assert (first and first.number, second and second.number) == (7, 0)


def test_clusters_that_ask_at_once_never_get_the_same_address(tmp_path: Path) -> None:
    book = AddressBook(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda number: book.take("c", str(number)), range(ADDRESSES + 5)))
    given = [lease.number for lease in leases if lease]
    assert sorted(given) == list(range(ADDRESSES))
    assert leases.count(None) == 5


def test_who_answers_for_an_address_is_remembered(tmp_path: Path) -> None:
    book = AddressBook(tmp_path)
    lease = book.take("a", "1")
    assert lease
    book.write(replace(lease, node=3, process=4711))
    assert book.of("a", "1") == Lease(0, "a", "1", 3, 4711)
