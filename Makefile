# `make demo` and `make test` need Python 3.11+ and make, nothing else; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
# Tests of a file share what is costly to make, so they stay together.
LOCK := $(BIN)/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
PARALLEL := -n 2 --dist loadfile
REPLAY = test -d "$(STOCKS_AI_REPLAY_FOLDER)" || { echo "STOCKS_AI_REPLAY_FOLDER must name the folder of the replay data (found '$(STOCKS_AI_REPLAY_FOLDER)')." >&2; exit 2; }

.PHONY: help env env-all demo test test-real test-browser test-cluster test-spark test-all jars sharing-client lint format benchmark docs calendar code-versions ui lock clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

env:  ## Create or refresh .venv
	@$(PYTHON) scripts/bootstrap.py

env-all:  ## The same with Spark, Databricks, sharing and object stores
	@$(PYTHON) scripts/bootstrap.py all

demo: env  ## Simulated market, from facts to report, in a minute
	STOCKS_AI_SOURCE=sample STOCKS_AI_HOME=.stocks_ai/demo $(BIN)/stocks-ai demo

test: env  ## Core tests on simulated and hand-made data
	$(BIN)/python -m pytest -q $(PARALLEL) -m "not real and not browser and not spark and not cluster"

test-real: env  ## Tests on the replay data in STOCKS_AI_REPLAY_FOLDER
	@$(REPLAY)
	$(BIN)/python -m pytest -q $(PARALLEL) -m "real and not spark"

test-cluster: env-all sharing-client  ## Object stores, local Databricks workspace, governance, sharing
	@command -v unshare >/dev/null || { echo "unshare is missing: install the package util-linux." >&2; exit 2; }
	$(BIN)/python -m pytest -q $(PARALLEL) -m "cluster and not spark"

test-spark: env-all jars  ## Tests on a real local Spark, also on the replay data
	@$(REPLAY)
	@# Tables of tests are small: what the second compiler costs is never earned back.
	JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 $(BIN)/python -m pytest -q $(PARALLEL) -m spark

test-browser: env  ## Tests of the report in Chromium
	@command -v chromium >/dev/null || { echo "Chromium is missing: install the package chromium." >&2; exit 2; }
	$(BIN)/python -m pytest -q -m "browser and not spark"

test-all: test test-real test-browser test-cluster test-spark  ## Everything, with the replay data, Java and a browser

jars: env-all  ## Fetch Delta's jars for Spark once (10 MB)
	@command -v java >/dev/null || { echo "Java is missing: install Java 17, the package openjdk-17-jre-headless." >&2; exit 2; }
	@$(BIN)/stocks-ai spark jars

sharing-client: env-all  ## The Delta Sharing client in an environment of its own
	@$(BIN)/python scripts/sharing_client.py

lint: env  ## Style, types, import rules, code versions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/code_versions.py --check

format: env  ## Rewrite files in the project's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: env-all sharing-client jars  ## Measure speed and memory; writes docs/performance.md
	$(BIN)/python -m benchmarks

docs: env  ## Generate the data dictionary and the import format
	$(BIN)/python -m stocks_ai_assets.tables.dictionary docs/data_dictionary.md
	$(BIN)/python -m stocks_ai_assets.sources.import_format docs/import_format.md

calendar: env  ## Pin the exchange's sessions anew (after raising CALENDAR_END)
	$(BIN)/python -W ignore -m stocks_ai_assets.domain.pinned_calendar stocks_ai_assets/domain/nyse.json

code-versions: env  ## Record that code versions are raised, or that results are the same
	$(BIN)/python scripts/code_versions.py

ui: env  ## Dagster's web UI on the lake
	$(BIN)/stocks-ai ui

lock: env  ## Resolve requirements.lock anew
	$(LOCK) --extra report --extra ui --group dev pyproject.toml -o requirements.lock
	$(LOCK) --extra report --extra ui --extra spark --extra databricks --extra cloud --extra share --group dev --group cluster -c requirements.lock pyproject.toml -o requirements-all.lock
	echo 'delta-sharing==1.4.2' | $(LOCK) - -o requirements-sharing-client.lock

clean:  ## Remove the environments and caches (not the lake)
	rm -rf .venv .venv-sharing .pytest_cache .mypy_cache .ruff_cache .hypothesis
