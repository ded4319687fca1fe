# make demo: head CT with hemorrhages of known mask, and a picture.   make test: the tests, two at a time.
# make slow: the tests that take longer, too.
# Both set everything up: a virtual environment in .venv with the tested versions of constraints.txt.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test slow lint check clean

demo: $(READY)
	$(BIN)/xaigt generate --lesion hemorrhage -n 64 -o demo/hemorrhage
	@echo
	@echo "Open demo/hemorrhage/gallery.png, then try:  $(BIN)/xaigt show demo/hemorrhage 1"

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

slow: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test slow

# pip is quiet, but the download is large the first time: torch with CUDA is several GB.
$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (the first time this downloads torch: some minutes)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo dist build
