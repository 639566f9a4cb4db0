import pytest

from infra.db.unit_of_work import UnitOfWorkFactory


@pytest.fixture
def uow(jobs_uow: UnitOfWorkFactory) -> UnitOfWorkFactory:
    """As the queue's own role; nobody is rung."""
    return jobs_uow
