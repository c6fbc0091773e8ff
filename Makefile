# make train, make test: set up everything that they need (Python >= 3.11 and pip are enough).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two processes of one thread each: as fast as two cores allow, and without oversubscription.
PYTEST_WORKERS ?= 2

.PHONY: install train test lint type format nyu nyu-paper nyu-active nyu-sweep clean

install: $(STAMP)

$(STAMP): setup.py requirements/runtime.txt requirements/onedl.txt requirements/test.txt requirements/constraints-onedl.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "Python 3.11 or later is needed, $(PYTHON) is $$($(PYTHON) --version); try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c requirements/constraints-onedl.txt -e '.[onedl,test]'
	@touch $@

# Continues where an interrupted run stopped. One thread: the model is small, and a thread that waits for another beside
# other work costs more than it gives.
train: export OMP_NUM_THREADS ?= 1
train: install
	$(BIN)/python tools/demo.py configs/dymu/scenes_r18.py --resume

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: install
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Real frames, see the README: trains, tests, then measures the control on frames that no stage saw.
# Threads that wait spin for a moment only, so that other work, the loader's processes included, can go on.
nyu nyu-paper nyu-active: export GOMP_SPINCOUNT ?= 20000
nyu: install
	$(BIN)/python tools/demo.py configs/dymu/nyud_mbv2.py --resume
	$(BIN)/python tools/control.py configs/dymu/nyud_mbv2.py $$(cat work_dirs/nyud_mbv2/last_checkpoint)

# The paper's own settings and single-task streams.
nyu-paper: install
	$(BIN)/python tools/train.py configs/dymu/nyud_mbv2_paper.py --resume
	$(BIN)/python tools/control.py configs/dymu/nyud_mbv2_paper.py $$(cat work_dirs/nyud_mbv2_paper/last_checkpoint)

# On the streams that `make nyu` has trained: L_active in place of the expected cost.
nyu-active: install
	$(BIN)/python tools/train.py configs/dymu/nyud_mbv2_active.py --resume \
		--cfg-options load_from=$$(cat work_dirs/nyud_mbv2/last_checkpoint) "train_cfg.skip=['trunk','anchor']"
	$(BIN)/python tools/control.py configs/dymu/nyud_mbv2_active.py $$(cat work_dirs/nyud_mbv2_active/last_checkpoint)

# Of what `make nyu` has trained: all measures and figures, goes on where it was interrupted.
nyu-sweep: export GOMP_SPINCOUNT ?= 20000
nyu-sweep: install
	$(BIN)/python tools/sweep.py configs/dymu/nyud_mbv2.py $$(cat work_dirs/nyud_mbv2/last_checkpoint) --oracle-images 64
	$(BIN)/python tools/report.py work_dirs/nyud_mbv2/sweep

clean:
	rm -rf work_dirs build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find mmdymu tests tools configs -name __pycache__ -type d -prune -exec rm -rf {} +
