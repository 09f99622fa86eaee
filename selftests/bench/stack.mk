$(OUT)/selftests/bench/bench_stack: selftests/bench/bench_stack.c $(OUT)/libpoolwatch.a
	$(call msg,BENCH,$@)
	$(Q)mkdir -p $(@D); $(CC) $(CFLAGS) $(PW_CFLAGS) $< $(OUT)/libpoolwatch.a $(PW_LIBS) -o $@

bench: bench-stack
bench-stack: $(OUT)/selftests/bench/bench_stack
	$(Q)$<
.PHONY: bench-stack
