/* SPDX-License-Identifier: GPL-2.0 */
/* Findings of attach and run to where the user asked for them; and the loop both run. */
#ifndef POOLWATCH_REPORT_H
#define POOLWATCH_REPORT_H

#include "exes.h"
#include "opts.h"
#include "text.h"
#include "watch.h"

struct report {
	struct opts *opts;
	struct text_options text;
	const char *cmd;
	bool broken; /* standard output cannot be written any more */
	uint64_t told; /* findings, new ones */
	bool fail[FINDING_KINDS]; /* --fail-on */
	bool failed;		  /* one of those was found */
	bool stop_on_deadlock;	  /* the program can never end */
	bool stop;
	int child; /* the program of "run"; 0: none */
	struct exes *exes; /* processes that come later; NULL: none do. Whoever made it frees it */
	int signals; /* those that end the watch, as a descriptor */
};

/* Fill in the callbacks of @opts->watch. Return: 0 or an exit code after one line to stderr. */
int report__init(struct report *r, struct opts *opts, const char *cmd);
void report__close(struct report *r);

/*
 * Watch until interrupted, until --for is over, or until no target is left and none can come. @child: reaped when it ends (0: none), *@status as
 * from waitpid. Return: 0 or -errno.
 */
int report__loop(struct report *r, struct watch *w, int child, int *status);

#endif
