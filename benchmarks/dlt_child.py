"""The other measured process of `benchmarks.beside_dlt`: dlt's own REST source and PostgreSQL destination, as its documentation
says to make them fast. It runs in dlt's environment, without a line of ours, and says on standard output what it took, as JSON.

Pages are yielded as they come, resources are read side by side, files are cut small enough for every normalizer, lists stay JSON
instead of becoming tables of their own, rows are loaded by COPY.
"""

import json
import os
import sys
import tempfile
from time import perf_counter
from typing import Any

import dlt  # type: ignore[import-not-found]  # is in an environment of its own
from dlt.sources.helpers.rest_client.paginators import BasePaginator  # type: ignore[import-not-found]  # the same
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]  # the same

_PAGE = 1000


class _ByPosition(BasePaginator):  # type: ignore[misc]  # Any, as it is not installed here
    """QuickBooks' own way: STARTPOSITION in the query, until a page is not full."""

    def __init__(self, entity: str) -> None:
        super().__init__()
        self._entity, self._position = entity, 1

    def init_request(self, request: Any) -> None:
        self.update_request(request)

    def update_state(self, response: Any, data: Any = None) -> None:  # noqa: ARG002  # as its base has it
        self._position += _PAGE
        self._has_next_page = len(data or ()) == _PAGE

    def update_request(self, request: Any) -> None:
        request.params = request.params or {}
        request.params["query"] = (
            f"SELECT * FROM {self._entity} ORDERBY Id STARTPOSITION {self._position} MAXRESULTS {_PAGE}"  # noqa: S608  # QuickBooks' own language
        )


def main() -> None:
    asked = json.loads(sys.stdin.read())
    with tempfile.TemporaryDirectory(dir=asked["directory"]) as directory:
        _configure(asked)
        pipeline = dlt.pipeline(
            "beside", destination=dlt.destinations.postgres(asked["database"]), dataset_name=asked["dataset"],
            pipelines_dir=directory,
        )  # fmt: skip
        source = _source(asked)
        began = perf_counter()
        pipeline.run(source, write_disposition="append", loader_file_format=asked["file_format"])
        seconds = perf_counter() - began
        seen = _rows(pipeline)
    print(json.dumps({"seconds": seconds, "seen": seen, "version": dlt.__version__}))


def _rows(pipeline: Any) -> int:
    """In the tables: its own counts are of something else when it writes CSV."""
    tables = [table["name"] for table in pipeline.default_schema.data_tables()]
    with pipeline.sql_client() as client:
        names = [client.make_qualified_table_name(table) for table in tables]
        counts = [client.execute_sql(f"SELECT count(*) FROM {name}") for name in names]  # noqa: S608  # its own names
    return sum(count for [[count]] in counts)


def _configure(asked: dict[str, Any]) -> None:
    """Before dlt first looks."""
    settings = {
        "EXTRACT__WORKERS": asked["extract_workers"],
        "NORMALIZE__WORKERS": asked["normalize_workers"],
        "NORMALIZE__START_METHOD": "fork",
        "LOAD__WORKERS": asked["load_workers"],
        "DATA_WRITER__FILE_MAX_ITEMS": asked["file_max_items"],
        "DATA_WRITER__BUFFER_MAX_ITEMS": asked["file_max_items"],
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
    }
    os.environ.update({name: str(value) for name, value in settings.items()})


def _source(asked: dict[str, Any]) -> Any:
    source = rest_api_source(
        {
            "client": {
                "base_url": asked["company_url"],
                "auth": {"type": "bearer", "token": asked["access_token"]},
                "headers": {"Accept": "application/json"},
            },
            "resources": [
                {
                    "name": entity,
                    "endpoint": {
                        "path": "query",
                        "params": {"minorversion": "75"},
                        "data_selector": f"QueryResponse.{entity}",
                        "paginator": _ByPosition(entity),
                    },
                    "parallelized": True,
                }
                for entity in asked["entities"]
            ],
        }
    )
    if asked["lists_stay_json"]:
        source.max_table_nesting = 0
    return source


if __name__ == "__main__":
    main()
