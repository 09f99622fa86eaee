// SPDX-License-Identifier: GPL-2.0
/* poolwatch daemon: watch what the configuration names, for as long as the machine runs. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "cleanup.h"
#include "cmd.h"
#include "cmd_conf.h"
#include "conf.h"
#include "daemon.h"
#include "daemon_int.h"
#include "escape.h"
#include "privilege.h"

#define SECOND	     1000000000ull
#define STATUS_EVERY (10 * SECOND)
#define STATUS_SOON  (SECOND / 4) /* but so soon when its counts change */

static void usage(FILE *out)
{
	fputs("usage: poolwatch daemon [--config FILE] [--check-config]\n\n"
	      "Watches the processes that " CONF_PATH " names, and sends what it finds where that\n"
	      "file says: see poolwatch.conf(5). SIGHUP reads it again; SIGTERM ends it.\n\n"
	      "  -c, --config FILE    another file; conf.d beside it is read, too\n"
	      "      --check-config   read everything, say what is wrong with it, and end\n",
	      out);
}

/* To stderr, which under systemd is the journal. */
static void notice(const char *line)
{
	escape__print(stderr, line, 0);
	fputc('\n', stderr);
	fflush(stderr);
}

static int check(const char *path)
{
	struct daemon_error err = {0};
	struct conf *conf;
	int ret = cmd_conf__load(path, &conf);

	if (ret)
		return CMD_FAILED;
	ret = daemon__check(conf, &err);
	if (ret)
		notice(err.message);
	else
		printf("%zu target%s, %zu way%s for alerts: all right\n", conf->ntargets, conf->ntargets == 1 ? "" : "s", conf->nsinks,
		       conf->nsinks == 1 ? "" : "s");
	conf__free(conf);
	return ret ? CMD_FAILED : CMD_OK;
}

static void reload(struct daemon *d, const char *path)
{
	struct daemon_error err = {0};
	struct conf *conf;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)daemon__now() / 1000);
	if (cmd_conf__load(path, &conf))
		notice("the configuration stays as it was");
	else if (daemon__reload(d, conf, &err)) {
		notice(err.message);
		notice("the configuration stays as it was");
	} else {
		notice("the configuration was read again");
	}
	sd_notify(0, "READY=1");
}

/* Return: whether to go on. */
static bool on_signals(struct daemon *d, int fd, const char *path)
{
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo != SIGHUP)
			return false;
		reload(d, path);
	}
	return true;
}

/* The status line of the unit. */
struct status {
	struct daemon_counts said;
	uint64_t at, next;
};

static void say_status(struct status *s, const struct daemon *d, uint64_t now)
{
	struct daemon_counts n;
	char text[200];

	daemon__count(d, &n);
	s->next = s->at + (memcmp(&n, &s->said, sizeof(n)) ? STATUS_SOON : STATUS_EVERY);
	if (s->at && now < s->next)
		return;
	daemon__status(d, text, sizeof(text));
	sd_notifyf(0, "STATUS=%s", text);
	*s = (struct status){.said = n, .at = now, .next = now + STATUS_EVERY};
}

static int loop(struct daemon *d, int signals, const char *path)
{
	struct pollfd p[] = {{.fd = signals, .events = POLLIN}, {.fd = daemon__fd(d), .events = POLLIN}};
	uint64_t watchdog_us = 0, next_dog = 0;
	struct status status = {0};
	struct daemon_error err;

	sd_watchdog_enabled(0, &watchdog_us);
	for (;;) {
		uint64_t now = daemon__now();
		int ms = daemon__timeout_ms(d);

		if (watchdog_us && now >= next_dog) {
			sd_notify(0, "WATCHDOG=1");
			next_dog = now + watchdog_us * 1000 / 3;
		}
		say_status(&status, d, now);
		if (watchdog_us && (next_dog - now) / 1000000 < (uint64_t)ms)
			ms = (next_dog - now) / 1000000 + 1;
		if (status.next - now < (uint64_t)ms * 1000000)
			ms = (status.next - now) / 1000000 + 1;
		if (poll(p, 2, ms) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents && !on_signals(d, signals, path))
			return 0;
		if (daemon__step(d, &err)) {
			notice(err.message);
			return err.code;
		}
	}
}

static int run(const char *path)
{
	_cleanup_close_ int signals = -1;
	struct daemon_error err = {0};
	struct daemon *d;
	uint64_t also;
	struct conf *conf;
	char status[200], line[300];
	sigset_t set;
	int ret;

	/* Before anything else: a SIGHUP must not end it, whenever it comes. */
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* What is made has its mode said where it is made: nothing for others, the metrics' socket for the group. */
	umask(0007);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || cmd_conf__load(path, &conf))
		return CMD_FAILED;
	/* A later reload cannot ask for more: what is gone is gone. */
	also = conf->jvm_dump ? PRIVILEGE_JVM_DUMP : 0;
	if (daemon__new(conf, notice, &d, &err)) {
		notice(err.message);
		return CMD_FAILED;
	}
	/* CAP_SYS_ADMIN, where the unit gave it, was for finding the module's BTF. */
	if (privilege__drop(also))
		notice("capabilities that are not needed could not be given up");
	if (!privilege__can_attach())
		notice("before Linux 6.10 probes are attached with CAP_SYS_ADMIN only, which is not there: no process can be watched");
	/* The first look before READY: what is started after this unit finds it watching. */
	ret = daemon__step(d, &err);
	if (ret) {
		notice(err.message);
	} else {
		daemon__status(d, status, sizeof(status));
		snprintf(line, sizeof(line), "poolwatch %s is ready: %s", POOLWATCH_VERSION, status);
		notice(line);
		sd_notify(0, "READY=1");
		ret = loop(d, signals, path);
	}
	sd_notify(0, "STOPPING=1");
	daemon__free(d);
	return ret ? CMD_FAILED : CMD_OK;
}

int cmd_daemon(int argc, char **argv)
{
	struct cmd_conf_options o = {.flag = "check-config", .usage = usage};
	int ret = cmd_conf__options(argc, argv, &o);

	if (ret >= 0)
		return ret;
	return o.given ? check(o.path) : run(o.path);
}
