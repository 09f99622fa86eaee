# The judge's simulator, for longer than `make test` runs it: SIM_ROUNDS times as many states, each time others.
#help fuzz-judge  the judge against the simulator, SIM_ROUNDS (20) million states

SIM_ROUNDS ?= 20

fuzz-judge: $(OUT)/selftests/unit/test_judge_sim
	$(Q)seed=$${SIM_SEED:-$$(date +%s)}; echo "SIM_SEED=$$seed"; SIM_ROUNDS=$(SIM_ROUNDS) SIM_SEED=$$seed $<

fuzz: fuzz-judge
.PHONY: fuzz-judge
