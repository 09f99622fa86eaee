# What watching SQLAlchemy's pool costs a Python program. Needs root and python3-sqlalchemy.
#help bench-python loops of connect and select, bare and watched; BENCH_PYTHON='--windows 200'

bench-python: all
	$(Q).ci/deps presets
	$(Q)selftests/bench/bench_python --out $(OUT) $(BENCH_PYTHON)

bench: bench-python
.PHONY: bench-python
