# Names of system calls, by number, from the headers of the machine this is built for.
GENERATED += $(OUT)/syscalls.inc
$(OUT)/syscalls.inc: user/activity.mk
	$(call msg,GEN,$@)
	$(Q)mkdir -p $(OUT); echo '#include <asm/unistd.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]\{1,3\}\)$$/[\2] = "\1",/p' | sort -t '[' -k 2n >$@
