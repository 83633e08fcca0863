# The same two commands without make (Windows): python .ci/make.py run, python .ci/make.py test
PYTHON ?= python3

.PHONY: run test
run test:
	@$(PYTHON) .ci/make.py $@
