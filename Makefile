# Two commands: `make book` and `make test`. Both set up a virtual environment first.
PYTHON ?= python3
SCALE ?= teaching
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help book test check environment clean

help:
	@echo "make book [SCALE=smoke|teaching|tenth|paper]  run every notebook and render the website"
	@echo "make test                                     check style and types, run the tests"
	@echo "make environment                              only set up $(VENV)"
	@echo "make clean                                    remove $(VENV), results and the website"

environment: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(f"memlib needs Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}: name another with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing pinned packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[book,test]' \
		|| { echo "The packages could not be installed. On Linux they take 7 GB of disk, 10 GB while they are installed; $$(df -Ph $(VENV) | awk 'NR == 2 {print $$4}') are free here." >&2; exit 1; }
	@touch $@

book: environment
	$(BIN)/memlib book --scale $(SCALE)

check: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=book $(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --cov --cov-report=term --cov-fail-under=90

clean:
	rm -rf $(VENV) results book/_site book/_build book/_generated book/chapters
