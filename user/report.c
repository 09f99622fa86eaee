// SPDX-License-Identifier: GPL-2.0
/* See report.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cmd.h"
#include "finding_json.h"
#include "report.h"
#include "syslog_sink.h"

static void on_finding(void *ctx, struct finding *f)
{
	struct report *r = ctx;
	int err;

	if (f->event == FINDING_NEW) {
		r->told++;
		if (r->fail[f->kind])
			r->failed = true;
		if (r->stop_on_deadlock && r->failed && f->kind == FINDING_DEADLOCK)
			r->stop = true;
	}
	if (r->opts->json)
		err = finding_json__write(stdout, f);
	else
		err = text__finding(stdout, f, &r->text);
	if (err || fflush(stdout))
		r->broken = true;
	if (r->opts->syslog)
		syslog_sink__send(f);
}

static void on_gone(void *ctx, uint32_t pid, const char *why)
{
	struct report *r = ctx;

	/* That the program of "run" ends is nothing to tell. */
	if (!r->opts->json && pid != (uint32_t)r->child)
		fprintf(stderr, "poolwatch: process %u is not watched any more: %s\n", pid, why);
}

static void on_notice(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "poolwatch: %s\n", line);
}

/*
 * Signals that end the watch, as a descriptor. SIGCHLD says that a child ended. Blocked before anything is attached: from then on
 * an interrupt ends the watch in good order, and not the process.
 */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int report__init(struct report *r, struct opts *opts, const char *cmd)
{
	const struct term term = term__of(stdout);

	r->opts = opts;
	r->cmd = cmd;
	r->signals = open_signals();
	if (r->signals < 0) {
		fprintf(stderr, "poolwatch %s: cannot wait for signals: %s\n", cmd, strerror(-r->signals));
		return CMD_FAILED;
	}
	r->text = text__options(&term);
	opts->watch.finding = on_finding;
	opts->watch.gone = on_gone;
	opts->watch.notice = on_notice;
	opts->watch.ctx = r;
	if (opts->syslog && syslog_sink__open(opts->facility)) {
		fprintf(stderr, "poolwatch %s: no syslog facility '%s': daemon, user, local0 to local7 and the like\n", cmd, opts->facility);
		return CMD_USAGE;
	}
	return 0;
}

void report__close(struct report *r)
{
	if (r->opts->syslog)
		syslog_sink__close();
	close(r->signals);
}

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

int report__loop(struct report *r, struct watch *w, int child, int *status)
{
	uint64_t end = r->opts->seconds > 0 ? clock_ms() + (uint64_t)(r->opts->seconds * 1000) : 0;
	struct pollfd fds[] = {
		{ .fd = watch__fd(w), .events = POLLIN },
		{ .fd = r->signals, .events = POLLIN },
		{ .fd = STDOUT_FILENO, .events = 0 }, /* a reader that went away */
		{ .fd = r->exes ? exes__fd(r->exes) : -1, .events = POLLIN },
	};
	struct signalfd_siginfo si;
	bool child_ended = false;
	int err;

	r->child = child;
	while ((watch__targets(w) || r->exes) && !r->broken && !r->stop && !child_ended) {
		int timeout = watch__timeout_ms(w);

		if (r->exes && exes__timeout_ms(r->exes) < timeout)
			timeout = exes__timeout_ms(r->exes);
		if (end) {
			uint64_t now = clock_ms();

			if (now >= end)
				break;
			if ((uint64_t)timeout > end - now)
				timeout = end - now;
		}
		if (poll(fds, 4, timeout) < 0 && errno != EINTR)
			return -errno;
		if (r->exes) {
			err = exes__step(r->exes);
			if (err)
				return err;
			fds[3].fd = exes__fd(r->exes);
		}
		err = watch__step(w);
		if (err)
			return err;
		if (fds[2].revents & POLLERR)
			return -EPIPE;
		while (read(r->signals, &si, sizeof(si)) == sizeof(si)) {
			if (si.ssi_signo != SIGCHLD)
				goto out;
			if (child && waitpid(child, status, WNOHANG) == child)
				child_ended = true;
		}
	}
out:
	return watch__drain(w);
}
