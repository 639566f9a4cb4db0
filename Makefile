# Each target does its own set-up. Needed beforehand: Python 3.11 or newer, make, a network to the package registry.
#   make demo [COMPANY=FILE]    simulator, sample company, worker and web app on this machine
#   make test [PYTEST_ARGS=…]   the tests          make check   format, lint, types, contracts
#   make bench [ONLY=name]      speed               make prove [ONLY=name] [SEED=n]   the long proofs
#   make bench-forecast [FORECAST_ARGS=…]   how well rules say when invoices are paid, ours beside others
#   make soak [SOAK_ARGS=…]     days of many companies with people at work and everything failing, in minutes
#   make lock                   refresh requirements/*.txt from requirements/*.in
#   make clean                  remove .venv, caches and build; the data in .oodaloo stay
PYTHON ?= python3
VENV := .venv
# Tests wait for servers and time-outs more than they compute: four workers keep two cores busy.
PYTEST_ARGS ?= -n 4 --dist worksteal
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Every process of ours starts in half the time when what it imports is kept compiled; the tests start a hundred.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-forecast prove soak lock clean
.DELETE_ON_ERROR:

help:
	@sed -n '2,/^PYTHON/s/^#   //p' Makefile

# One plain command, which make starts without a shell between: signals reach the demo itself, and once.
demo: $(VENV)/runtime.done
	$(VENV)/bin/oodaloo demo $(if $(COMPANY),--company '$(COMPANY)')

test: $(VENV)/dev.done
	$(VENV)/bin/python -m compileall -q -j 0 main.py infra domains runway migrations benchmarks
	$(VENV)/bin/python -m tests.rewritten
	$(VENV)/bin/pytest $(PYTEST_ARGS)

check: $(VENV)/dev.done
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# What the row beside_dlt is measured beside has an environment of its own; the other rows do without.
bench: $(if $(filter beside_dlt,$(or $(ONLY),beside_dlt)),$(VENV)/bench.done)

bench prove: $(VENV)/dev.done
	$(VENV)/bin/python -m benchmarks $@ $(if $(ONLY),--only '$(ONLY)') $(if $(SEED),--seed '$(SEED)')

bench-forecast: $(VENV)/dev.done
	$(VENV)/bin/python -m benchmarks.forecast_rules $(FORECAST_ARGS)

soak: $(VENV)/dev.done
	$(VENV)/bin/python -m benchmarks soak $(SOAK_ARGS)

lock: $(VENV)/dev.done
	for name in runtime dev bench; do \
		$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header --no-annotate requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/python.done:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Oodaloo needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Name another: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/runtime.done: requirements/runtime.txt | $(VENV)/bin/oodaloo
	$(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/runtime.txt
	touch $@

$(VENV)/dev.done: requirements/dev.txt | $(VENV)/bin/oodaloo
	$(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	touch $@ $(VENV)/runtime.done

$(VENV)/bench.done: requirements/bench.txt | $(VENV)/dev.done
	$(VENV)/bin/python -m venv $(VENV)/dlt
	$(VENV)/dlt/bin/python -m pip install --quiet --require-hashes -r requirements/bench.txt && touch $@ || { \
		rm -rf $(VENV)/dlt; echo "dlt could not be installed: the row beside_dlt will say that it was not measured." >&2; }

# As an editable install would: the checkout can be imported from any directory. Needs no build, hence no download.
$(VENV)/bin/oodaloo: Makefile $(VENV)/python.done
	$(VENV)/bin/python -c 'import pathlib, sysconfig; \
		pathlib.Path(sysconfig.get_path("purelib"), "oodaloo.pth").write_text("$(CURDIR)\n")'
	printf '%s\n' '#!/bin/sh' 'exec "$(CURDIR)/$(VENV)/bin/python" -m runway.cli "$$@"' > $@
	chmod +x $@
