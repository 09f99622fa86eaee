// SPDX-License-Identifier: GPL-2.0
/* A pool behind a filter that kills the process at the first system call it does not list. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include "safety.h"

int safety_stop;

static sem_t pool;
static unsigned long taken, returned, tried, refused_or_taken;

static void count(unsigned long *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static void filter(void)
{
	static const unsigned int allowed[] = { SYS_read, SYS_write, SYS_futex, SYS_exit, SYS_exit_group, SYS_rt_sigreturn,
						SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise, SYS_brk,
						SYS_clone, SYS_clone3, SYS_set_robust_list, SYS_rseq, SYS_newfstatat, SYS_fstat,
						SYS_restart_syscall, SYS_getrandom, SYS_sched_yield };
	struct sock_filter code[64];
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){ n, code }))
		abort();
}

static void *worker(void *arg)
{
	struct timespec past = { 1, 0 };

	for (unsigned int i = 0; !safety__stopping() || i < 10; i++) {
		int err = 0;

		if (sem_wait(&pool))
			abort();
		count(&taken);
		if (sem_post(&pool))
			abort();
		count(&returned);

		count(&tried);
		if (i & 1 ? sem_trywait(&pool) : sem_timedwait(&pool, &past))
			err = errno;
		else if (sem_post(&pool))
			abort();
		if (!err || err == EAGAIN || err == ETIMEDOUT)
			count(&refused_or_taken);
	}
	return arg;
}

int main(void)
{
	int value;

	if (sem_init(&pool, 0, 2))
		abort();
	filter();
	safety__run(worker);
	safety__expect("units returned", returned, taken);
	safety__expect("tries answered", refused_or_taken, tried);
	sem_getvalue(&pool, &value);
	printf("units in the pool: %d\n", value);
	return 0;
}
