# The two commands of the README: `make demo` and `make test`. Each sets up what it needs and is quick when nothing changed.
PYTHON ?= python3
# Two files of tests at a time: more would make real browsers wait for each other.
ARGS ?= -n 2 --dist loadfile
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .venv/.stamps

.PHONY: demo test check bench dashboards notebook false-alarms coverage-simulation lock format clean

$(STAMPS)/install: requirements.lock pyproject.toml scripts/setup.sh
	@PYTHON=$(PYTHON) bash scripts/setup.sh install
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/install
	@PYTHON=$(PYTHON) bash scripts/setup.sh dev
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/browser: scripts/setup.sh $(STAMPS)/install
	@bash scripts/setup.sh browser
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/servers: scripts/setup.sh
	@bash scripts/setup.sh servers
	@mkdir -p $(STAMPS) && touch $@

demo: $(STAMPS)/install $(STAMPS)/browser  ## probe the demo portal and write the report to var/demo
	$(BIN)/gapwatch demo

test: $(STAMPS)/dev $(STAMPS)/browser $(STAMPS)/servers  ## all tests
	$(BIN)/python -m pytest $(ARGS)

check: $(STAMPS)/dev  ## everything that needs no browser: lint, types, layers, known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@bash scripts/audit.sh

format: $(STAMPS)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMPS)/dev $(STAMPS)/browser  ## measured ratios; nothing here is a test
	$(BIN)/python bench/journey.py
	$(BIN)/python bench/survey.py
	$(BIN)/python bench/indicators.py

dashboards: $(STAMPS)/dev  ## build deploy/grafana/dashboards anew from the declared metrics
	$(BIN)/python deploy/grafana/build.py

notebook: $(STAMPS)/dev  ## run docs/example.ipynb anew
	$(BIN)/python scripts/notebook.py

false-alarms: $(STAMPS)/dev $(STAMPS)/browser  ## 50 rounds of all flows on a healthy portal: any failure is a false alarm
	$(BIN)/python bench/rounds.py 50

coverage-simulation: $(STAMPS)/dev  ## do 95% intervals cover, and is the association step quiet? about 7 minutes
	$(BIN)/python bench/coverage.py

lock: $(STAMPS)/dev  ## resolve the newest versions that constraints allow
	$(BIN)/uv pip compile pyproject.toml --group install --universal --python-version 3.11 --generate-hashes \
	  -c requirements/constraints.in -o requirements.lock -q --no-header --no-annotate --upgrade
	$(BIN)/uv pip compile pyproject.toml --group install --group dev --universal --python-version 3.11 --generate-hashes \
	  -c requirements/constraints.in -c requirements.lock -o requirements-dev.lock -q --no-header --no-annotate --upgrade

clean:
	rm -rf $(VENV) var
