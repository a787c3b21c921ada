# Everything a newcomer needs: `make demo` runs Faultwise on the sample history, `make test` proves it works.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check lint types contracts bench clean

# One stamp a set of extras: re-installed only when pyproject.toml changes.
.venv/.installed-%: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing faultwise[$*] into .venv (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@

demo: .venv/.installed-dev
	$(BIN)/faultwise demo

test: .venv/.installed-dev
	$(BIN)/python -m pytest

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed-dev
	$(BIN)/mypy

contracts: .venv/.installed-dev
	$(BIN)/lint-imports

check: lint types contracts test

bench: .venv/.installed-dev,bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv var
