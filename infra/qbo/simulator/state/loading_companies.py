"""The companies a simulator starts with: from files, from a state, or many copies of a few."""

import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.company_file import CompanyFile, CompanyFileError, read_company_file
from infra.qbo.simulator.state.resuming import resume_company
from infra.qbo.simulator.state.state_file import StateFile
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from infra.qbo.simulator.timestamps import PACIFIC

MOST_COPIES: Final = 10_000


@dataclass(frozen=True, slots=True)
class CompanySource:
    """`copies` companies from each file, their realm ids counted up from the file's own."""

    paths: tuple[str, ...]
    copies: int = 1
    as_dated: bool = False


def load_companies(source: CompanySource, *, clock: SimulatedClock, state: StateFile | None = None) -> list[Company]:
    """A realm that the state has is resumed from it, the rest are read; without files the state's companies alone.

    Raises:
        CompanyFileError: a file that cannot be read, or two companies of one realm id.
    """
    kept = set(state.realm_ids()) if state is not None else set()
    companies: dict[str, Company] = {}
    for path in source.paths:
        for realm_id, file in _copies(path, source, clock=clock):
            if realm_id in companies:
                raise CompanyFileError(path, place="realm_id", problem="another of the companies has it")
            if state is not None and realm_id in kept:
                companies[realm_id] = resume_company(state, realm_id, clock=clock)
            else:
                companies[realm_id] = load_company(_fresh(file, realm_id), clock=clock)
    if state is not None and not source.paths:
        companies = {realm_id: resume_company(state, realm_id, clock=clock) for realm_id in sorted(kept)}
    return list(companies.values())


def _copies(path: str, source: CompanySource, *, clock: SimulatedClock) -> Iterable[tuple[str, bytes]]:
    """(realm id, file): pickled, because loading uses a file up and reading it again would take longer."""
    today = clock.now().astimezone(PACIFIC).date()
    file = read_company_file(path, today=today, as_dated=source.as_dated)
    if source.copies > 1 and not file.realm_id.isdecimal():
        raise CompanyFileError(path, place="realm_id", problem="should be digits, to count copies up from it")
    image = pickle.dumps(file)
    for nth in range(source.copies):
        yield (str(int(file.realm_id) + nth) if nth else file.realm_id), image


def _fresh(image: bytes, realm_id: str) -> CompanyFile:
    file: CompanyFile = pickle.loads(image)  # noqa: S301 - our own bytes of a moment ago
    file.realm_id = realm_id
    return file
