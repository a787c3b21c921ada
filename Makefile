# Everything a newcomer needs: `make demo` runs Faultwise on the sample history, `make test` proves it works.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test test-system check lint types contracts docs bench clean

# One stamp a set of extras: re-installed only when pyproject.toml changes.
.venv/.installed-%: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing faultwise[$*] into .venv (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r multilingual.txt || echo "without the multilingual start"
	@touch $@

# For records of your own: begin in an empty folder with `faultwise` from .venv/bin.
install: .venv/.installed-dev

demo: .venv/.installed-dev
	$(BIN)/faultwise demo

# A file of tests stays in one process; more than four would train and serve side by side in more memory than many have.
test: .venv/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest --doctest-modules diagnosis training api --ignore-glob='*/store/*/env.py'

# What takes minutes: the whole service tried from outside (every route by schemathesis, 200 examples each; two minutes of
# mixed load on replicas that are killed), simulations, trainings that are killed or compared.
test-system: .venv/.installed-dev
	$(BIN)/python -m pytest -m system tests

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed-dev
	$(BIN)/mypy

contracts: .venv/.installed-dev
	$(BIN)/lint-imports

check: lint types contracts test

# The documentation as a site, in site/: a link to nothing, or a page that no menu shows, is an error.
docs: .venv/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

# fastText as a peer has to be trained: its whole package takes the place of the part by which languages are told.
bench: .venv/.installed-dev,bench
	@$(BIN)/python -m pip install --quiet --force-reinstall --no-deps 'fasttext-numpy2-wheel>=0.9.2,<0.10'
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv var site
