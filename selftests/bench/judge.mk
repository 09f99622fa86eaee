# How long a look of the judge takes.
#help bench-judge  time and memory of a look, by threads and pools

$(OUT)/selftests/bench/bench_judge: selftests/bench/bench_judge.c $(OUT)/libpoolwatch.a selftests/unit/ledger_build.h
	$(call msg,BENCH,$@)
	$(Q)mkdir -p $(@D); $(CC) $(CFLAGS) -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -Iuser -Ikmod/uapi $< $(OUT)/libpoolwatch.a $(PW_LIBS) -o $@

bench-judge: $(OUT)/selftests/bench/bench_judge
	$(Q)$<

bench: bench-judge
.PHONY: bench-judge
