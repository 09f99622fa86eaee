// SPDX-License-Identifier: GPL-2.0
/* What this process itself uses. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "own.h"
#include "procs.h"

static double seconds(const struct timeval *tv)
{
	return tv->tv_sec + tv->tv_usec / 1e6;
}

int own__use(struct own_use *out)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	struct procs_identity self;
	struct timespec now, boot;
	struct rusage me, children;
	uint64_t pages;
	int err = procs__identify(getpid(), &self);

	if (err)
		return err;
	if (!f || fscanf(f, "%*u %" SCNu64, &pages) != 1 || getrusage(RUSAGE_SELF, &me) ||
	    getrusage(RUSAGE_CHILDREN, &children))
		return -EIO;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	*out = (struct own_use){
	    .resident_bytes = pages * sysconf(_SC_PAGESIZE),
	    .cpu_seconds = seconds(&me.ru_utime) + seconds(&me.ru_stime) + seconds(&children.ru_utime) +
			   seconds(&children.ru_stime),
	    .start_seconds = now.tv_sec + now.tv_nsec / 1e9 - (boot.tv_sec + boot.tv_nsec / 1e9) +
			     (double)self.start / sysconf(_SC_CLK_TCK),
	};
	return 0;
}
