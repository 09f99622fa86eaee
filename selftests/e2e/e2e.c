// SPDX-License-Identifier: GPL-2.0
/* See e2e.h. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "e2e.h"

#define MAX_ARGS 64

void (*proc__before_exec)(void);
pid_t proc__next_pid;

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static void add_line(struct stream *s, size_t len)
{
	s->lines = realloc(s->lines, (s->n + 1) * sizeof(*s->lines));
	s->lines[s->n] = strndup(s->part, len);
	s->n++;
}

/* What can be read now. */
static void take_in(struct stream *s)
{
	char buf[65536], *end;
	ssize_t n = read(s->fd, buf, sizeof(buf));

	if (n <= 0) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		close(s->fd);
		s->fd = -1;
		if (s->npart)
			add_line(s, s->npart);
		s->npart = 0;
		return;
	}
	s->part = realloc(s->part, s->npart + n + 1);
	memcpy(s->part + s->npart, buf, n);
	s->npart += n;
	while ((end = memchr(s->part, '\n', s->npart))) {
		size_t len = end - s->part;

		add_line(s, len);
		s->npart -= len + 1;
		memmove(s->part, end + 1, s->npart);
	}
}

/* Read both streams until @s has more than @n lines or is at its end, or (NULL) until both end. Return: false past @deadline. */
static bool take_in_until(struct proc *p, const struct stream *s, size_t n, uint64_t deadline)
{
	while (s ? s->n <= n && s->fd >= 0 : p->out.fd >= 0 || p->err.fd >= 0) {
		struct pollfd fds[] = { { p->out.fd, POLLIN }, { p->err.fd, POLLIN } };
		uint64_t now = clock_ms();

		if (now >= deadline)
			return false;
		if (poll(fds, 2, deadline - now) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			take_in(&p->out);
		if (fds[1].revents)
			take_in(&p->err);
	}
	return true;
}

static void child(char *const argv[], int in[2], int out[2], int err[2])
{
	sigset_t none;

	/* It does not outlive the test; SIGINT comes from the test only. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	dup2(err[1], STDERR_FILENO);
	if (proc__before_exec)
		proc__before_exec();
	/* Another user, other capabilities: that took it away. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static pid_t fork_as_told(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&proc__next_pid, .set_tid_size = 1 };
	pid_t pid;

	if (!proc__next_pid)
		return fork();
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid)
		proc__next_pid = 0;
	return pid;
}

int proc__start(struct proc *p, char *const argv[])
{
	int in[2], out[2], err[2];
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return -errno;
	pid = fork_as_told();
	if (pid < 0)
		return -errno;
	if (!pid)
		child(argv, in, out, err);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	*p = (struct proc){ .pid = pid, .in = in[1], .out.fd = out[0], .err.fd = err[0] };
	return 0;
}

int proc__send(struct proc *p, const char *format, ...)
{
	char line[400];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	line[n++] = '\n';
	return write(p->in, line, n) == n ? 0 : -EIO;
}

/* The line at *@cursor of the stream, which moves on. */
static const char *next_line(struct proc *p, const struct stream *s, size_t *cursor, uint64_t deadline)
{
	if (!take_in_until(p, s, *cursor, deadline) || *cursor == s->n)
		return NULL;
	return s->lines[(*cursor)++];
}

static const char *expect(struct proc *p, struct stream *s, const char *begin)
{
	uint64_t deadline = clock_ms() + E2E_LIMIT * 1000;
	const char *line;

	do
		line = next_line(p, s, &s->next, deadline);
	while (line && strncmp(line, begin, strlen(begin)));
	return line;
}

const char *proc__line(struct proc *p)
{
	return expect(p, &p->out, "");
}

const char *proc__expect(struct proc *p, const char *begin)
{
	return expect(p, &p->out, begin);
}

const char *proc__expect_err(struct proc *p, const char *begin)
{
	return expect(p, &p->err, begin);
}

int proc__wait(struct proc *p)
{
	uint64_t deadline = clock_ms() + E2E_LIMIT * 1000;
	int pidfd, status;
	struct pollfd fd;

	if (p->ended)
		return p->status;
	take_in_until(p, NULL, 0, deadline);
	pidfd = syscall(SYS_pidfd_open, p->pid, 0);
	fd = (struct pollfd){ pidfd, POLLIN };
	if (pidfd < 0 || poll(&fd, 1, E2E_LIMIT * 1000) != 1) {
		if (pidfd >= 0)
			close(pidfd);
		return -ETIMEDOUT;
	}
	close(pidfd);
	waitpid(p->pid, &status, 0);
	p->ended = true;
	p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return p->status;
}

int proc__end(struct proc *p, int sig)
{
	if (!p->ended)
		kill(p->pid, sig);
	return proc__wait(p);
}

static void free_stream(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	for (size_t i = 0; i < s->n; i++)
		free(s->lines[i]);
	free(s->lines);
	free(s->part);
}

void proc__free(struct proc *p)
{
	if (!p->pid)
		return;
	if (!p->ended) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	close(p->in);
	free_stream(&p->out);
	free_stream(&p->err);
	*p = (struct proc){ 0 };
}

const char *e2e__file(const char *name)
{
	static char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = 0;
	snprintf(path, sizeof(path), "%s/%s", dirname(self), name);
	return path;
}

const char *e2e__poolwatch(void)
{
	return getenv("POOLWATCH") ?: ".output/poolwatch";
}

int workload__start(struct proc *p, const char *name, int units)
{
	char n[12];
	char *argv[] = { (char *)e2e__file(name), n, NULL };
	int err;

	snprintf(n, sizeof(n), "%d", units);
	err = proc__start(p, argv);
	if (!err && !proc__expect(p, "ready"))
		err = -EPROTO;
	return err;
}

int workload__threads(struct proc *p, int n, pid_t *tids)
{
	const char *s = workload__do(p, "start %d", n) ? p->out.lines[p->out.next - 1] : NULL;
	char *end;

	if (!s)
		return -EPROTO;
	s += strlen("started");
	for (int i = 0; i < n; i++) {
		tids[i] = strtol(s, &end, 10);
		if (end == s)
			return -EPROTO;
		s = end;
	}
	return 0;
}

const char *workload__do(struct proc *p, const char *format, ...)
{
	char order[200], begin[24];
	va_list args;

	va_start(args, format);
	vsnprintf(order, sizeof(order), format, args);
	va_end(args);
	if (proc__send(p, "%s", order))
		return NULL;
	/* "1 take" is answered by "1 ...", the others by a word that begins as they do, but "exec" and "fork". */
	snprintf(begin, sizeof(begin), "%.*s", (int)strcspn(order, " "), order);
	if (begin[0] >= '0' && begin[0] <= '9')
		strcat(begin, " ");
	else if (!strcmp(begin, "exec"))
		strcpy(begin, "ready");
	return proc__expect(p, begin);
}

static int start(struct proc *p, const char *arg, va_list args)
{
	const char *argv[MAX_ARGS + 1] = { e2e__poolwatch() };
	int n = 1;

	for (; arg && n < MAX_ARGS; arg = va_arg(args, const char *))
		argv[n++] = arg;
	argv[n] = NULL;
	return proc__start(p, (char *const *)argv);
}

int poolwatch__start(struct proc *p, const char *arg, ...)
{
	va_list args;
	int err;

	va_start(args, arg);
	err = start(p, arg, args);
	va_end(args);
	return err;
}

bool poolwatch__watches(struct proc *p, pid_t pid)
{
	char begin[60];

	snprintf(begin, sizeof(begin), "poolwatch: watching process %d ", pid);
	return proc__expect_err(p, begin) != NULL;
}

static bool is_finding(const char *line, const char *kind, const char *event)
{
	return !strcmp(json_str(line, "type"), "finding") && (!kind || !strcmp(json_str(line, "kind"), kind)) &&
	       (!event || !strcmp(json_str(line, "event"), event));
}

const char *poolwatch__finding(struct proc *p, const char *kind, const char *event)
{
	uint64_t deadline = clock_ms() + E2E_LIMIT * 1000;
	const char *line;

	do
		line = next_line(p, &p->out, &p->out.found, deadline);
	while (line && !is_finding(line, kind, event));
	return line;
}

int poolwatch__run(struct proc *p, const char *arg, ...)
{
	va_list args;
	int err;

	va_start(args, arg);
	err = start(p, arg, args);
	va_end(args);
	return err ?: proc__wait(p);
}

int poolwatch__stop(struct proc *p)
{
	return proc__end(p, SIGINT);
}

size_t poolwatch__count(const struct proc *p, const char *kind, const char *event)
{
	size_t n = 0;

	for (size_t i = 0; i < p->out.n; i++)
		n += is_finding(p->out.lines[i], kind, event);
	return n;
}
