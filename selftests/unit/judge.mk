# The judge's simulator, for longer than `make test` runs it: SIM_ROUNDS times as many states, each time others.
#help fuzz-judge  the judge against the simulator, SIM_ROUNDS (20) million states

SIM_ROUNDS ?= 20

fuzz-judge: $(OUT)/selftests/unit/test_judge_sim $(OUT)/selftests/unit/test_judge_elsewhere
	$(Q)seed=$${SIM_SEED:-$$(date +%s)}; echo "SIM_SEED=$$seed"; for t in $^; do SIM_ROUNDS=$(SIM_ROUNDS) SIM_SEED=$$seed $$t || exit 1; done

fuzz: fuzz-judge
.PHONY: fuzz-judge
