// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's verifier has to look at before a program of ours runs. It gives up at a million instructions, and its count grows
 * from one kernel to the next: we stay far below that, so that what loads here loads elsewhere.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <string.h>
#include "kselftest_harness.h"

/* The harness gives a test 30 s; a machine that emulates its processor takes nearly all of that when it has one to itself. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define MOST 50000

/* Programs by number, each loaded alone, so that one that is refused does not hide the next. Return: false if there is no such one. */
static bool load_one(struct __test_metadata *_metadata, int number)
{
	struct bpf_prog_info info = { 0 };
	struct bpf_program *p, *prog = NULL;
	const char *out = getenv("OUT");
	__u32 len = sizeof(info);
	struct bpf_object *o;
	char path[256];
	int n = 0;

	snprintf(path, sizeof(path), "%s/poolwatch.bpf.o", out ? out : ".output");
	o = bpf_object__open(path);
	EXPECT_NE(o, NULL);
	if (!o)
		return false;
	bpf_object__for_each_program(p, o)
	{
		bpf_program__set_autoload(p, n == number);
		if (n++ == number)
			prog = p;
	}
	/* That one wants the module. */
	if (prog && strcmp(bpf_program__name(prog), "pw_bind")) {
		EXPECT_EQ(bpf_object__load(o), 0)
		{
			TH_LOG("%s is refused", bpf_program__name(prog));
		}
		if (!bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len)) {
			TH_LOG("%s: %u", bpf_program__name(prog), info.verified_insns);
			/* 0: a kernel that does not say. */
			EXPECT_GT(info.verified_insns, 0);
			EXPECT_LT(info.verified_insns, MOST);
		}
	}
	bpf_object__close(o);
	return prog;
}

TEST(verified_instructions)
{
	int n = 0;

	while (load_one(_metadata, n))
		n++;
	EXPECT_GT(n, 5);
}

TEST_HARNESS_MAIN
