# The same commands that CI calls.
.PHONY: run test lint format check

run:
	sh tools/run

test:
	sh tools/test

lint:
	. tools/setup.sh && setup test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

check:
	sh .ci/run
