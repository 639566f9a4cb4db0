"""Habits that nothing else enforces: one place commits, one reads the wall clock, money is never a float, jobs have names."""

import ast
import pkgutil
from importlib import import_module

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Float
from sqlalchemy.pool import NullPool

import domains
import infra
from infra.actions.models import ActionTransactionLog
from infra.db.base import Base
from infra.jobs.outbox import QUEUES
from infra.sync.shapes import LogRow, MirrorRow, Xid8
from runway.jobs import JOBS
from runway.registry import METADATA, MIRROR_SPECS, MODEL_MODULES
from tests.architecture.source import calls, modules
from tests.rig import Database

# The simulator's journal commits to itself: it holds no database.
_OTHER_COMMITS = "infra/qbo/simulator/"
_CLOCK = "infra/clock.py"
_WALL_CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns")


def test_only_the_unit_of_work_commits() -> None:
    found = {path for path, name, _ in calls() if name.endswith(".commit") and not path.startswith(_OTHER_COMMITS)}
    assert found == {"infra/db/unit_of_work.py"}


def test_only_the_clock_reads_the_wall_clock() -> None:
    found = {
        path for path, name, _ in calls() if any(name == clock or name.endswith(f".{clock}") for clock in _WALL_CLOCKS)
    }
    assert found == {_CLOCK}


def test_nobody_imports_a_wall_clock_under_a_name_of_its_own() -> None:
    taken = {
        path
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == "time"
        and {"time", "time_ns"} & {a.name for a in node.names}
    }
    assert taken == set()


def test_no_column_is_a_float() -> None:
    floats = [
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.columns
        if isinstance(column.type, Float) or getattr(column.type, "asdecimal", True) is False
    ]
    assert floats == []
    in_migrations = [
        path
        for path, tree in modules().items()
        if path.startswith("migrations/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.lower() in {"float", "double", "real", "double_precision"}
    ]
    assert in_migrations == []


def test_no_function_is_longer_than_a_page() -> None:
    """70 lines; what Typer makes of a function's parameters is its help, a line or two each."""
    found = {
        f"{path}: {node.name}"
        for path, tree in modules().items()
        if not path.startswith("migrations/versions/")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 70
    }
    assert found == {"infra/qbo/simulator/command.py: qbo"}


def test_every_job_that_is_asked_for_has_its_function_and_its_queue() -> None:
    """A name is a constant of the module that asks; the queue it is put in is the one its definition names."""
    asked: dict[str, str] = {}
    for path, name, call in calls():
        if name.endswith(".enqueue") and path != "infra/db/unit_of_work.py":
            module = import_module(path.removesuffix(".py").replace("/", "."))
            job = eval(ast.unparse(call.args[0]), vars(module))  # noqa: S307 - an expression of our own source
            queues = [ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "queue"]
            asked[job] = queues[0] if queues else "sync"
    assert asked
    assert set(asked) <= set(JOBS)
    assert {job: JOBS[job].queue for job in asked} == asked
    assert {definition.queue for definition in JOBS.values()} <= set(QUEUES)


def test_every_model_module_is_registered() -> None:
    found = set()
    for package in (domains, infra):
        for module_info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            path = module_info.name.replace(".", "/") + ".py"
            tree = modules().get(path)
            if tree and any(isinstance(node, ast.Name) and node.id == "__tablename__" for node in ast.walk(tree)):
                found.add(module_info.name)
    assert found == {module.__name__ for module in MODEL_MODULES}


def test_every_mirror_has_a_spec_and_its_log() -> None:
    mirrors = {mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, MirrorRow)}
    logs = {mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, LogRow)}
    assert {spec.mirror for spec in MIRROR_SPECS} == mirrors
    assert {spec.log for spec in MIRROR_SPECS} == logs - {ActionTransactionLog}  # an action is no rail's object
    for spec in MIRROR_SPECS:
        assert spec.log.__tablename__ == f"{spec.mirror.__tablename__}_transaction_log"
    assert len({(spec.rail, spec.entity) for spec in MIRROR_SPECS}) == len(MIRROR_SPECS)


def test_the_models_are_what_the_migrations_make(database: Database) -> None:
    engine = sa.create_engine(database.owner_url, poolclass=NullPool)
    known = engine.dialect.ischema_names  # type: ignore[attr-defined]  # PostgreSQL's dialect has it
    engine.dialect.ischema_names = {**known, "xid8": Xid8}  # type: ignore[attr-defined]  # as above; SQLAlchemy lacks it
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, METADATA)
    assert differences == []
