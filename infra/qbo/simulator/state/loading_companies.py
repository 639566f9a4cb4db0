"""The companies a simulator starts with: from files, from a state, or many copies of a few."""

from dataclasses import dataclass
from typing import Final

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company, no_garbage_collection
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
    with no_garbage_collection():
        return _loaded(source, clock=clock, state=state)


def _loaded(source: CompanySource, *, clock: SimulatedClock, state: StateFile | None) -> list[Company]:
    kept = set(state.realm_ids()) if state is not None else set()
    companies: dict[str, Company] = {}
    for path in source.paths:
        file, original = _read(path, source, clock=clock), None
        for realm_id in _realm_ids(file, copies=source.copies):
            if realm_id in companies:
                raise CompanyFileError(path, place="realm_id", problem="another of the companies has it")
            if state is not None and realm_id in kept:
                companies[realm_id] = resume_company(state, realm_id, clock=clock)
            elif original is None:
                file.realm_id = realm_id
                companies[realm_id] = original = load_company(file, clock=clock)
            else:
                companies[realm_id] = original.copy(realm_id)
    if state is not None and not source.paths:
        companies = {realm_id: resume_company(state, realm_id, clock=clock) for realm_id in sorted(kept)}
    return list(companies.values())


def _read(path: str, source: CompanySource, *, clock: SimulatedClock) -> CompanyFile:
    today = clock.now().astimezone(PACIFIC).date()
    file = read_company_file(path, today=today, as_dated=source.as_dated)
    if source.copies > 1 and not file.realm_id.isdecimal():
        raise CompanyFileError(path, place="realm_id", problem="should be digits, to count copies up from it")
    return file


def _realm_ids(file: CompanyFile, *, copies: int) -> list[str]:
    return [file.realm_id, *(str(int(file.realm_id) + nth) for nth in range(1, copies))]
