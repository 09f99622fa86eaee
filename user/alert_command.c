// SPDX-License-Identifier: GPL-2.0
/*
 * A command per alert: fixed arguments, no shell, the JSON object on its standard input, one at a time. It gets none of
 * our capabilities and descriptors, an environment of its own, and an end after its time limit, with all its children.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "alert.h"
#include "spool.h"

#define QUEUE_BYTES (256 << 10)

struct command_alerts {
	struct alert_sink base;
	struct strlist run;
	uint64_t limit_ns;
	struct spool *queue;
	pid_t pid; /* running now; 0: none */
	int pidfd;
	uint64_t kill_at; /* CLOCK_MONOTONIC ns */
};

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* A file in memory with the object and a newline: no pipe that the command could leave full. */
static int object_fd(const void *json, size_t len)
{
	int fd = memfd_create("poolwatch-alert", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, json, len) != (ssize_t)len || write(fd, "\n", 1) != 1 || lseek(fd, 0, SEEK_SET)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* In the child, between fork and exec: async-signal-safe calls only. */
static void __attribute__((noreturn)) become(char **argv, int in)
{
	static char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					    "LANG=C.UTF-8", NULL};
	const struct rlimit no_core = {0, 0};
	sigset_t none;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (chdir("/") || dup2(in, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(126);
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0))
		_exit(126);
	execve(argv[0], argv, environment);
	_exit(127);
}

static int start(struct command_alerts *c, const void *json, size_t len)
{
	struct epoll_event e = {.events = EPOLLIN};
	int in = object_fd(json, len);
	pid_t pid;

	if (in < 0)
		return in;
	pid = fork();
	if (pid == 0)
		become(c->run.items, in);
	close(in);
	if (pid < 0)
		return -errno;
	setpgid(pid, pid); /* here and there: whoever comes first */
	c->pid = pid;
	c->kill_at = monotonic() + c->limit_ns;
	c->pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (c->pidfd >= 0)
		epoll_ctl(c->base.fd, EPOLL_CTL_ADD, c->pidfd, &e);
	return 0;
}

static void start_next(struct command_alerts *c)
{
	while (!c->pid && spool__count(c->queue)) {
		size_t len;
		const void *json = spool__at(c->queue, spool__first(c->queue), &len);

		if (start(c, json, len)) {
			c->base.lost++;
			c->base.waiting--;
		}
		spool__pop(c->queue);
	}
}

/* The one that runs, if it has ended. Its group goes with it: nothing may go on in its name. */
static void reap(struct command_alerts *c)
{
	siginfo_t ended = {0};
	int status;

	/* Left a zombie until its group is gone, so that the number cannot be anyone else's yet. */
	if (!c->pid || waitid(P_PID, c->pid, &ended, WEXITED | WNOHANG | WNOWAIT) || !ended.si_pid)
		return;
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, &status, 0);
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
	c->base.waiting--;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		c->base.sent--;
		c->base.lost++;
	}
}

static int enqueue(struct alert_sink *s, const struct alert *a)
{
	struct command_alerts *c = (struct command_alerts *)s;
	uint64_t lost = spool__lost(c->queue);
	int err = spool__push(c->queue, a->json, a->json_len);

	if (err)
		return err;
	lost = spool__lost(c->queue) - lost;
	s->waiting += 1 - lost;
	s->lost += lost;
	s->sent -= lost;
	start_next(c);
	return 0;
}

static void step(struct alert_sink *s, uint64_t now)
{
	struct command_alerts *c = (struct command_alerts *)s;

	reap(c);
	if (c->pid && now >= c->kill_at) {
		kill(-c->pid, SIGKILL);
		c->kill_at = UINT64_MAX; /* its end comes as an event */
	}
	start_next(c);
}

static uint64_t deadline(const struct alert_sink *s)
{
	const struct command_alerts *c = (const struct command_alerts *)s;

	return c->pid ? c->kill_at : UINT64_MAX;
}

static void sink_free(struct alert_sink *s)
{
	struct command_alerts *c = (struct command_alerts *)s;

	if (c->pid) {
		kill(-c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (s->fd >= 0)
		close(s->fd);
	spool__close(c->queue);
	strlist__clear(&c->run);
	free(c);
}

static const struct alert_sink_ops ops = {.send = enqueue, .step = step, .deadline = deadline, .free = sink_free};

int alert_command__new(const struct conf_sink *conf, struct alert_sink **out)
{
	struct command_alerts *c = calloc(1, sizeof(*c));
	int err = 0;

	if (!c)
		return -ENOMEM;
	c->base.ops = &ops;
	c->pidfd = -1;
	c->limit_ns = conf->limit_ns;
	c->base.fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->base.fd < 0)
		err = -errno;
	for (size_t i = 0; !err && i < conf->run.n; i++)
		err = strlist__add(&c->run, conf->run.items[i], strlen(conf->run.items[i]));
	if (!err && access(c->run.items[0], X_OK))
		err = -errno;
	if (!err)
		err = spool__open(NULL, QUEUE_BYTES, &c->queue);
	if (err) {
		sink_free(&c->base);
		return err;
	}
	*out = &c->base;
	return 0;
}
