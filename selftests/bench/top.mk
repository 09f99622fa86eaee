# What a look of top costs.
#help bench-top    CPU time of top's looks, by pools and threads

$(OUT)/selftests/bench/bench_top: selftests/bench/bench_top.c $(OUT)/libpoolwatch.a selftests/unit/fake_source.h
	$(call msg,BENCH,$@)
	$(Q)mkdir -p $(@D); $(CC) $(CFLAGS) -std=gnu11 -Wall -Wextra -Werror -Wno-missing-field-initializers -D_GNU_SOURCE -iquote user \
		-iquote selftests/unit -Ikmod/uapi $< $(OUT)/libpoolwatch.a $(PW_LIBS) -o $@

bench-top: $(OUT)/selftests/bench/bench_top
	$(Q)$<

bench: bench-top
.PHONY: bench-top
