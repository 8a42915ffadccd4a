# Two commands from a fresh clone: `make demo` and `make test`.  Another Python: make demo PYTHON=python3.12
PYTHON ?= python3
VENV ?= .venv
OUTPUT ?= output
BIN := $(VENV)/bin
NAME := nextgenface_nb
METADATA := settings.ini setup.py pyproject.toml
WORKERS ?= 2

ifneq ($(words $(VENV)),1)
$(error VENV='$(VENV)': make knows no folder with a space in its name; take one without, such as VENV=.venv. OUTPUT may have spaces)
endif
export OUTPUT

.PHONY: help demo lab studio llvm needed test test-long agree notebooks tutorials pytest mutants mutants-few promises sweep importers blender recipes bench readme front run release docs soak colab viewer export checksums constraints dist clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

demo: $(VENV)/.installed llvm ## Install what is missing, reconstruct the bundled portrait, say where the results lie
	@$(BIN)/nextgenface-reconstruct --output="$$OUTPUT"
	@echo; cd -- "$$OUTPUT" && echo "The results lie in $$(pwd):" && ls -d -- */

lab: $(VENV)/.noted llvm ## Install JupyterLab and open the face studio in it: photo to head by buttons
	$(BIN)/jupyter lab nbs/tutorials/15_face_studio.ipynb --LabApp.app_settings_dir='$(CURDIR)/tools/lab' $(LAB)

studio: $(VENV)/.noted llvm ## The same studio as an app in the browser, without a notebook: make studio, or make studio STUDIO='me.jpg --theme dark'
	$(BIN)/nextgenface-studio $(STUDIO)

# ---- the environment: made once, made again when the metadata or the pins change
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3,10) <= sys.version_info[:2] <= (3,13))' || \
		{ echo "$(NAME) needs Python 3.10 - 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make demo PYTHON=python3.12"; exit 1; }
	@made=yes; if [ -e $(VENV) ] || [ -h $(VENV) ]; then made=no; fi; \
	$(PYTHON) -m venv $(VENV) || { \
		if [ $$made = yes ]; then rm -rf $(VENV); else rm -f $@; echo "$(VENV) was there before, and stays."; fi; \
		echo "No virtual environment could be made. On Debian/Ubuntu: apt-get install python3-venv"; exit 1; }

PINS = $$($(BIN)/python -c 'import sys; print("constraints.txt" if sys.version_info < (3,13) else "constraints-colab.txt")')

$(VENV)/.installed: constraints.txt constraints-colab.txt $(METADATA) | $(VENV)/bin/python
	@echo "Installing into $(VENV): what it runs with ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(PINS) -e .
	@touch $@

$(VENV)/.developed: $(VENV)/.installed
	@echo "Installing into $(VENV): what its tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(PINS) -e '.[dev,build]'
	@touch $@

$(VENV)/.noted: $(VENV)/.installed
	@echo "Installing into $(VENV): JupyterLab and what the dashboards need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(PINS) -e '.[notebook,studio]'
	@touch $@

$(VENV)/.documented: $(VENV)/.developed
	@echo "Installing into $(VENV): what makes the documentation site ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(PINS) -e '.[docs]'
	@touch $@

llvm: $(VENV)/.installed ## A libLLVM that Dr.Jit can use: find one, install it where we may, or say what to do
	@sh tools/llvm.sh $(BIN)/python

needed: $(VENV)/.developed ## What some tests need beside: a Chromium, Node, assimp, packages of npm; installed where we may, else said
	@$(BIN)/python tools/needed.py

# ---- tests
test: needed agree notebooks mutants-few pytest ## What CI runs

test-long: needed agree notebooks mutants tutorials ## The rest: every mutant, slow tests, slow cells, tutorials
	-$(MAKE) importers
	-$(MAKE) blender
	$(BIN)/nbdev-test --n-workers 1 --flags "slow anny" --cell-timeout 3600 --skip-folder-re tutorials
	$(BIN)/python -m pytest -q tests -m "slow or not slow"

agree: $(VENV)/.developed llvm ## Notebooks, library, figures and README say the same; every option, setting, file and field has a test; which figures are old
	@$(BIN)/python tools/agree.py

notebooks: $(VENV)/.developed llvm ## Run the notebooks' tests
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/nbdev-test --n-workers $(WORKERS) --cell-timeout 300 --timing --skip-folder-re tutorials

tutorials: $(VENV)/.developed llvm ## Run the tutorials (some minutes each)
	OMP_WAIT_POLICY=passive $(BIN)/nbdev-test nbs/tutorials --n-workers 1 --cell-timeout 3600 --timing

pytest: $(VENV)/.developed llvm ## Run the tests of tests/
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -q tests -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 8 -rs

mutants: $(VENV)/.developed llvm ## Break the library on purpose, fault by fault, and expect red; goes on where it stood
	$(BIN)/python tests/mutants.py --json data/figures/mutants.json

mutants-few: $(VENV)/.developed llvm ## The same with a few faults
	$(BIN)/python tests/mutants.py --few

promises: $(VENV)/.developed llvm ## Ignore every option, setting, file and field in turn, and expect red (some minutes)
	$(BIN)/python tests/promises.py --ignore --json data/figures/promises.json $(WORDS)

sweep: $(VENV)/.developed llvm ## Faults that nobody thought of, by the hundred: hours; goes on where it stood. make sweep SWEEP='--number 20'
	OMP_WAIT_POLICY=passive $(BIN)/python tools/sweep.py --map
	OMP_WAIT_POLICY=passive $(BIN)/python tools/sweep.py $(SWEEP)

importers: ## Programs that open our GLB files in slow tests, from npm: three.js, Babylon.js, gltf-transform, assimpjs
	cd tests/importers && npm ci --no-audit --no-fund

BLENDER ?= .blender
$(BLENDER)/.installed: tests/importers/blender.txt
	$(PYTHON) -m venv $(BLENDER)
	$(BLENDER)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/importers/blender.txt
	@touch $@

blender: $(BLENDER)/.installed ## Blender as a Python package for slow tests (GPL, 1 GB, an environment of its own; Python 3.11: make blender PYTHON=python3.11)

RECIPES ?= .recipes
$(RECIPES)/.installed: tests/recipes.txt
	$(PYTHON) -m venv $(RECIPES)
	$(RECIPES)/bin/python -m pip install --quiet --disable-pip-version-check -c $(PINS) -e . pytest hypothesis
	$(RECIPES)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/recipes.txt
	@touch $@

recipes: $(RECIPES)/.installed ## The recipes that need packages of others (Blender, Dask, FastAPI, Gradio, pandas, PyVista), in an environment of its own
	OMP_WAIT_POLICY=passive $(RECIPES)/bin/python -m pytest -q -m 'slow or not slow' tests/test_recipes.py

soak: $(VENV)/.developed llvm ## An hour of batches that are killed, stopped and starved: make soak, or make soak SOAK='--minutes 5 --photos 40'
	OMP_WAIT_POLICY=passive $(BIN)/python tools/soak.py --json data/figures/soak.json $(SOAK)

bench: $(VENV)/.installed llvm ## How fast it is: steps, stages and a photo against one ray-traced picture
	$(BIN)/nextgenface-bench --append data/figures/bench.json $(BENCH)

# ---- for who works on it
run: $(VENV)/.developed llvm ## Run notebooks and keep their outputs: make run, or make run NB=nbs/06_config.ipynb
	$(BIN)/python tools/run.py $(NB)

release: $(VENV)/.developed llvm ## Before a release: measure anew what is older than the code, hours; NEXTGENFACE_PHOTOS=FOLDER, WITHOUT='devices cuda'
	OMP_WAIT_POLICY=passive $(BIN)/python tools/release.py $(WITHOUT)

export: $(VENV)/.developed ## Notebooks to library
	$(BIN)/nbdev-export && $(BIN)/nbdev-clean

checksums: $(VENV)/.developed ## The SHA-256 in data/README.md, after a file of data/ was made anew
	$(BIN)/python tools/checksums.py

readme: $(VENV)/.developed ## README.md from nbs/index.ipynb
	$(BIN)/python tools/readme.py

front: $(VENV)/.developed llvm ## The pictures at the top of README and of the site, from the bundled portrait (some minutes)
	OMP_WAIT_POLICY=passive $(BIN)/python tools/front.py

docs: $(VENV)/.documented llvm ## The documentation site, into _docs: no Quarto, no network (npm only the first time); dead links and warnings are errors
	OMP_WAIT_POLICY=passive $(BIN)/python tools/site.py

colab: $(VENV)/.developed ## The Colab link and install cell of notebooks for users, from the address in settings.ini
	$(BIN)/python tools/colab.py

viewer: ## The 3D view from tools/viewer (needs npm; only after a change there)
	cd tools/viewer && npm ci --no-audit --no-fund && npm run build

constraints: $(VENV)/.developed ## Resolve settings.ini into the two constraints files
	$(BIN)/python -m pip install --quiet uv && $(BIN)/python tools/constraints.py

dist: $(VENV)/.developed ## Wheel and sdist
	$(BIN)/python -m build --outdir dist .

clean: ## Remove what was built (not the environment)
	rm -rf build dist *.egg-info _proc _docs _site
