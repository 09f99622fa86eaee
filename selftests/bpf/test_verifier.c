// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's verifier has to look at before a program of ours runs. It gives up at a million instructions, and its count grows
 * from one kernel to the next: we stay far below that, so that what loads here loads elsewhere.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kselftest_harness.h"

#define MOST 50000

TEST(verified_instructions)
{
	const char *out = getenv("OUT");
	struct bpf_program *prog;
	struct bpf_object *o;
	int programs = 0;
	char path[256];

	snprintf(path, sizeof(path), "%s/poolwatch.bpf.o", out ? out : ".output");
	o = bpf_object__open(path);
	ASSERT_NE(o, NULL);
	/* It wants the module. */
	prog = bpf_object__find_program_by_name(o, "pw_bind");
	ASSERT_NE(prog, NULL);
	bpf_program__set_autoload(prog, false);
	ASSERT_EQ(bpf_object__load(o), 0);
	bpf_object__for_each_program(prog, o)
	{
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (!bpf_program__autoload(prog))
			continue;
		ASSERT_EQ(bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len), 0);
		TH_LOG("%s: %u", bpf_program__name(prog), info.verified_insns);
		/* 0: a kernel that does not say. */
		EXPECT_GT(info.verified_insns, 0);
		EXPECT_LT(info.verified_insns, MOST);
		programs++;
	}
	EXPECT_GT(programs, 5);
	bpf_object__close(o);
}

TEST_HARNESS_MAIN
