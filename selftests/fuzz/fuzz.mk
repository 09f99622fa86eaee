# Fuzz targets: fuzz_NAME.c with corpus/NAME/ beside it (or in FUZZ_CORPUS_NAME what is built), in FUZZ_NAME the sources of user/
# that it runs, in FUZZ_LIBS_NAME the libraries. `make fuzz` lets libFuzzer work on each for FUZZ_SECONDS; `make test` replays the
# corpus with fixed changes (replay.c), under the sanitizers.
#help fuzz      libFuzzer on every target, FUZZ_SECONDS (60) each; what it finds is in $(OUT)/fuzz

FUZZ_expr := expr expr_eval
FUZZ_spec := expr expr_eval spec spec_check spec_lex spec_probe spec_json suggest json escape
FUZZ_perfmap := perfmap target target_maps
FUZZ_jvm := jvm_dump jvm_judge
FUZZ_demangle := demangle
FUZZ_LIBS_demangle = -liberty
FUZZ_binary := binary debugfile demangle elf_guard lines symtab target target_maps unwind
FUZZ_LIBS_binary = $(PW_LIBS)
FUZZ_CORPUS_binary = $(OUT)/selftests/stack/corpus

fuzz_corpus = $(or $(FUZZ_CORPUS_$(1)),selftests/fuzz/corpus/$(1))

FUZZ_elf := elf elf_symbols elf_unwind elf_demangle
FUZZ_LIBS_elf := -lelf -ldw -lz -liberty

FUZZ_golang := golang golang_field golang_line
FUZZ_LIBS_golang := -lelf -ldw

FUZZ := $(patsubst selftests/fuzz/fuzz_%.c,%,$(wildcard selftests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60
TESTS += $(FUZZ:%=$(OUT)/selftests/fuzz/replay_%)

$(OUT)/selftests/fuzz/replay_%: selftests/fuzz/fuzz_%.c selftests/fuzz/replay.c selftests/fuzz/fuzz.h $(OUT)/libpoolwatch-san.a
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) $(SAN) -DCORPUS='"$(call fuzz_corpus,$*)"' $(filter %.c,$^) $(OUT)/libpoolwatch-san.a \
		$(PW_LIBS) -o $@

define fuzz_target
$(OUT)/selftests/fuzz/fuzz_$(1): selftests/fuzz/fuzz_$(1).c $(FUZZ_$(1):%=user/%.c) selftests/fuzz/fuzz.h $(wildcard user/*.h)
	$$(call msg,FUZZ,$$@)
	$$(Q)mkdir -p $$(@D); $$(CLANG) -O1 -g -std=gnu11 -D_GNU_SOURCE -DPOOLWATCH_SYSCONFDIR='"$$(SYSCONFDIR)"' -iquote user -Ikmod/uapi -I$$(OUT) \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $$(filter %.c,$$^) $$(FUZZ_LIBS_$(1)) -o $$@
endef
$(foreach t,$(FUZZ),$(eval $(call fuzz_target,$(t))))

# New inputs go into a folder of their own; those worth keeping are moved to corpus/ by hand.
fuzz: $(FUZZ:%=$(OUT)/selftests/fuzz/fuzz_%)
	$(Q)set -e; $(foreach t,$(FUZZ),mkdir -p $(OUT)/fuzz/$(t); $(OUT)/selftests/fuzz/fuzz_$(t) -max_total_time=$(FUZZ_SECONDS) \
		-print_final_stats=1 -artifact_prefix=$(OUT)/fuzz/$(t)- $(OUT)/fuzz/$(t) $(call fuzz_corpus,$(t));)
