# Two commands do everything: `make demo` and `make test`. Each makes the virtual environment .venv first and installs what
# it needs there: the demo triptych alone, the tests everything that any part of it can use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable
INSTALLED := $(VENV)/installed
TOOLS_INSTALLED := $(VENV)/tools-installed
# Where torch for the CPU comes from; `make demo TORCH_INDEX=` takes the package index's own: with CUDA, on Linux.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: demo test lint docs figures package

demo: $(INSTALLED)
	@echo "4 cars are drawn, fitted, measured and filmed; on two free cores this takes a minute"
	$(BIN)/triptych demo --out runs/demo

test: $(TOOLS_INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

lint: $(TOOLS_INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python src
	$(BIN)/lint-imports

docs: $(TOOLS_INSTALLED)
	$(INSTALL) ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Pictures and numbers of the documentation anew, as the present code and the shipped models make them: half an hour, an hour
# with real vehicles (MESHES=FOLDER) and objects (OBJECTS=DATASET); a stop costs a step's last command at most.
# `make figures STEPS="demo web"` makes these alone; STEPS=quality the comparison with RGB tri-planes, which takes three hours.
figures: $(TOOLS_INSTALLED)
	$(BIN)/python benchmarks/figures.py $(if $(STEPS),--steps $(STEPS)) $(if $(MESHES),--meshes $(MESHES)) $(if $(OBJECTS),--objects $(OBJECTS))

package: $(TOOLS_INSTALLED)
	$(INSTALL) ".[package]"
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*

$(INSTALLED): pyproject.toml constraints.txt
	@echo "installing triptych and torch into $(VENV); torch for the CPU is a download of about 200 MB"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --retries 1 \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	$(INSTALL) .
	touch $(INSTALLED)

$(TOOLS_INSTALLED): $(INSTALLED)
	@echo "installing what tests and checks need as well"
	$(INSTALL) ".[dev]"
	touch $(TOOLS_INSTALLED)
