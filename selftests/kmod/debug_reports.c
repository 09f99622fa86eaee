// SPDX-License-Identifier: GPL-2.0
/*
 * On a debug kernel, after all other tests: did any of its checkers say anything? Then, by bugs made for the purpose,
 * is each of them awake? POOLWATCH_CHECKERS names those that this kernel has (see canary/canary.c), separated by
 * commas.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "kselftest.h"

#define CANARY ".output/selftests/kmod/canary/canary.ko"
#define KMEMLEAK "/sys/kernel/debug/kmemleak"

/* How each checker begins a report. What is not asked for in particular is looked for all the same. */
static const struct {
	const char *checker, *text;
} reports[] = {
	{ "kasan", "BUG: KASAN: " },
	{ "ubsan", "UBSAN: " },
	{ "lockdep", "possible circular locking dependency" },
	{ "rcu", "suspicious RCU usage" },
	{ "sleep", "BUG: sleeping function called from invalid context" },
	{ "race", "BUG: KCSAN: " },
	{ "leak", "unreferenced object" },
	{ NULL, "BUG: " },
	{ NULL, "WARNING: " },
	{ NULL, "INFO: " },
	{ NULL, "ODEBUG: " },
	{ NULL, "kmemleak: " },
	{ NULL, "inconsistent lock state" },
	{ NULL, "Oops" },
	{ NULL, "general protection fault" },
};

/* Not reports: what kmemleak and lockdep say of themselves at boot. */
static const char *const harmless[] = { "kmemleak: Kernel memory leak detector initialized", "kmemleak: Automatic memory scanning",
					"Lock dependency validator", NULL };

static bool is_report(const char *line)
{
	for (int i = 0; harmless[i]; i++)
		if (strstr(line, harmless[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(reports); i++)
		if (strstr(line, reports[i].text))
			return true;
	return false;
}

/*
 * Read the kernel's log from where @fd stands to its end. Return: lines in which @text is (NULL: that are any report,
 * printed).
 */
static int count(int fd, const char *text)
{
	char line[8192];
	ssize_t n;
	int found = 0;

	for (;;) {
		n = read(fd, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return found;
		line[n] = 0;
		if (text ? !strstr(line, text) : !is_report(line))
			continue;
		if (!text)
			ksft_print_msg("%s", line);
		found++;
	}
}

/*
 * Ask kmemleak to look until it has found something, @tries times at most, and count what it shows: objects of some seconds' age
 * that nothing refers to, and that were the same when it looked before. A look takes it a minute in a machine that is emulated.
 */
static int leaks(int tries)
{
	char line[4096];
	int found = 0;

	nanosleep(&(struct timespec){ .tv_sec = 6 }, NULL);
	for (; !found && tries; tries--) {
		FILE *f = fopen(KMEMLEAK, "r+");

		if (!f)
			return -1;
		fputs("scan\n", f);
		fclose(f);
		f = fopen(KMEMLEAK, "r");
		while (f && fgets(line, sizeof(line), f)) {
			found += !!strstr(line, "unreferenced object");
			ksft_print_msg("%s", line);
		}
		if (f)
			fclose(f);
	}
	return found;
}

static bool commit(const char *bug)
{
	char parameter[64];
	int fd = open(CANARY, O_RDONLY | O_CLOEXEC);
	long r;

	snprintf(parameter, sizeof(parameter), "bug=%s", bug);
	r = syscall(SYS_finit_module, fd, parameter, 0);
	close(fd);
	if (!r)
		r = syscall(SYS_delete_module, "canary", O_NONBLOCK);
	return !r;
}

static bool canary_is_found(int log, const char *bug)
{
	const char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(reports); i++)
		if (reports[i].checker && !strcmp(reports[i].checker, bug))
			text = reports[i].text;
	if (!text || !commit(bug))
		return false;
	if (!strcmp(bug, "leak"))
		return leaks(10) > 0;
	return count(log, text) > 0;
}

int main(void)
{
	char list[256];
	const char *checkers = getenv("POOLWATCH_CHECKERS");
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), n = 1;
	bool leak = checkers && strstr(checkers, "leak");

	if (!checkers || log < 0 || snprintf(list, sizeof(list), "%s", checkers) >= (int)sizeof(list))
		ksft_exit_fail_msg("no POOLWATCH_CHECKERS, or no kernel log\n");
	for (const char *c = checkers; *c; c++)
		n += *c == ',';
	ksft_print_header();
	ksft_set_plan(n + 1);
	ksft_test_result(!count(log, NULL) && (!leak || !leaks(3)), "no checker has anything to say\n");
	count(log, "");
	/* In the order given: a report may put other checkers to sleep. */
	for (char *bug = strtok(list, ","); bug; bug = strtok(NULL, ","))
		ksft_test_result(canary_is_found(log, bug), "the checker for %s is awake\n", bug);
	ksft_finished();
}
