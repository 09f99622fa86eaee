/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What end-to-end tests have in common: programs talked to by lines, poolwatch among them, and its findings read back. Nothing
 * here sleeps: a test waits for lines. A line that does not come within E2E_LIMIT seconds is a failure, not a result.
 *
 * Programs that are started end with the test, however it ends. The tests run from any directory: POOLWATCH says where the tool is
 * (default .output/poolwatch), and workloads lie beside the test.
 */
#ifndef E2E_H
#define E2E_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define E2E_LIMIT 120

/* Include the harness first. It gives a test 30 s; a machine that emulates its processor takes longer. */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600
#endif

/* One stream of lines. All that came is kept: lines[0] .. lines[n - 1], without their newline. */
struct stream {
	int fd;	     /* -1: at its end */
	char *part;  /* what came behind the last newline */
	size_t npart;
	char **lines;
	size_t n;
	size_t next; /* the first that nobody asked for yet */
	size_t found; /* the same, for those who ask for findings: the output of "run" has the program's lines, too */
};

/* A running program. */
struct proc {
	pid_t pid;
	int in;
	struct stream out, err;
	int status; /* when it has ended: its exit code, 128 + N for signal N */
	bool ended;
};

/* Called in the next child before it becomes @argv, NULL: nothing is. */
extern void (*proc__before_exec)(void);
/* If not 0, the number that the next program gets: it must be free, and takes CAP_CHECKPOINT_RESTORE. */
extern pid_t proc__next_pid;

/* proc__start - start @argv, found by PATH if it has no slash. Return: 0 or -errno. */
int proc__start(struct proc *p, char *const argv[]);
/* A line to its standard input, the newline is added. Return: 0 or -errno. */
int proc__send(struct proc *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next line of its output; NULL: it has closed it, or nothing came within the limit. Stays until proc__free. */
const char *proc__line(struct proc *p);
/* Lines until one begins with @begin, those before it are passed over; NULL as above. */
const char *proc__expect(struct proc *p, const char *begin);
const char *proc__expect_err(struct proc *p, const char *begin);
/* proc__wait - wait for its end, take in all that it writes. Return: its status as above, or -ETIMEDOUT. */
int proc__wait(struct proc *p);
/* End it with @sig, then as proc__wait. */
int proc__end(struct proc *p, int sig);
/* SIGKILL if it still runs; free all lines. */
void proc__free(struct proc *p);

/* The path of a file beside the test. In static memory. */
const char *e2e__file(const char *name);
/* The path of the tool. */
const char *e2e__poolwatch(void);

/* workload__start - the workload @name (workload_own, ...) with @units; it is ready. Return: 0 or -errno. */
int workload__start(struct proc *p, const char *name, int units);
/* workload__threads - @n more threads, their ids to @tids. Return: 0 or -EPROTO. */
int workload__threads(struct proc *p, int n, pid_t *tids);
/* One order, and its answer: the first line that begins as the order does ("1 take": "1 "; "sites": "sites"). NULL as proc__line. */
const char *workload__do(struct proc *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* poolwatch__start - "poolwatch" with the arguments up to NULL. Return: 0 or -errno. */
int poolwatch__start(struct proc *p, const char *arg, ...) __attribute__((sentinel));
/* Wait until it says that it watches process @pid. */
bool poolwatch__watches(struct proc *p, pid_t pid);
/*
 * The next finding of that kind and event ("new", "recovered"; NULL: any), all other lines are passed over, but not for those who
 * ask for lines. NULL as proc__line.
 */
const char *poolwatch__finding(struct proc *p, const char *kind, const char *event);
/* poolwatch__run - start, and wait for its end. Return: its status. */
int poolwatch__run(struct proc *p, const char *arg, ...) __attribute__((sentinel));
/* SIGINT, and all that it still tells. Return: its exit code. */
int poolwatch__stop(struct proc *p);
/* Of all that it told: how many findings of that kind (NULL: any) and event (NULL: any). */
size_t poolwatch__count(const struct proc *p, const char *kind, const char *event);

/*
 * Values in a line of JSON, by path: "threads.0.holds.0.site.symbol". The line must be one well-formed object, else there is
 * nothing in it.
 */
bool json_has(const char *line, const char *path);
bool json_true(const char *line, const char *path);
/* A string, unescaped (it may be no longer than 1 KiB); "(null)" for null, "(none)" if there is no string. In static memory, of the last 8 calls. */
const char *json_str(const char *line, const char *path);
/* An integer; INT64_MIN if there is none. "0x.." in a string counts. */
int64_t json_int(const char *line, const char *path);
/* Elements of an array; SIZE_MAX if there is none. */
size_t json_len(const char *line, const char *path);

#endif
