// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test machine. It runs the programs of /etc/tests and tells the host, on the second serial port, in
 * lines:
 *
 *   @begin MODE PATH
 *   > a line the program printed (TAP), as it is
 *   @end RESULT             an exit code, "signal N" or "timeout"
 *   @took SECONDS           by the machine's own clock
 *   @done TOKEN             all ran, nothing is left behind; TOKEN is from the kernel's command line
 *
 * A line of /etc/tests is "MODE PATH"; pwmodes= on the command line says which modes are wanted.
 *   kmod     the module is not loaded: the program loads and unloads it
 *   direct   the module is not loaded
 *   device   the module is loaded, /dev/poolwatch belongs to the group "poolwatch"
 *
 * When it cannot go on it returns, the kernel panics, and the host misses the token.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define TESTS "/etc/tests"
#define REPO "/repo" /* where the programs find what they would find from the repository's top */
#define MODULE REPO "/.output/kmod/poolwatch.ko"
#define DEVICE "/dev/poolwatch"
#define GROUP 900 /* poolwatch, in /etc/group */

static int host = -1;
static char cmdline[4096];

static void say(const char *format, ...)
{
	char line[4096];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 1)
		n = sizeof(line) - 1;
	for (int done = 0, r; done < n; done += r) {
		r = write(host, line + done, n - done);
		if (r < 0)
			err(1, "write to the host");
	}
}

/* The value of a word "NAME=VALUE" of the kernel's command line, or @fallback. */
static const char *parameter(const char *name, const char *fallback)
{
	static char copy[sizeof(cmdline)];
	size_t len = strlen(name);

	strcpy(copy, cmdline);
	for (char *word = strtok(copy, " \n"); word; word = strtok(NULL, " \n"))
		if (!strncmp(word, name, len) && word[len] == '=')
			return word + len + 1;
	return fallback;
}

static void mount_all(void)
{
	static const struct {
		const char *type, *on, *options;
	} mounts[] = {
		{ "proc", "/proc", NULL },	  { "sysfs", "/sys", NULL },
		{ "devtmpfs", "/dev", NULL },	  { "tmpfs", "/tmp", "mode=1777" },
		{ "tmpfs", "/run", "mode=755" },  { "tmpfs", "/dev/shm", "mode=1777" },
		{ "devpts", "/dev/pts", NULL },	  { "cgroup2", "/sys/fs/cgroup", NULL },
		{ "bpf", "/sys/fs/bpf", NULL },	  { "debugfs", "/sys/kernel/debug", NULL },
		{ "tracefs", "/sys/kernel/tracing", NULL },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].on, 0755);
		if (mount(mounts[i].type, mounts[i].on, mounts[i].type, 0, mounts[i].options) && errno != EBUSY)
			warn("mount %s", mounts[i].on);
	}
}

static void open_host(void)
{
	struct termios t;
	int fd = open("/dev/console", O_RDWR);

	/* The kernel found none in the initramfs, so what goes wrong here had nowhere to be said. */
	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	fd = open("/proc/cmdline", O_RDONLY);
	if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) < 0)
		err(1, "/proc/cmdline");
	close(fd);
	host = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (host < 0 || tcgetattr(host, &t))
		err(1, "/dev/ttyS1");
	cfmakeraw(&t);
	if (tcsetattr(host, TCSANOW, &t))
		err(1, "/dev/ttyS1");
}

static int module_load(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -1;
	r = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	if (r && errno != EEXIST)
		return -1;
	return chown(DEVICE, 0, GROUP); /* as the udev rule does */
}

/* A program that just ended may still be letting go of its BPF programs, so a refusal is tried again for a while. */
static int module_unload(void)
{
	for (int tries = 0; tries < 100; tries++) {
		if (!syscall(SYS_delete_module, "poolwatch", O_NONBLOCK) || errno == ENOENT)
			return 0;
		if (errno != EWOULDBLOCK)
			return -1;
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
	return -1;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/*
 * Pass on what the program prints, until it ended (what it leaves running may hold on to the pipe), or @limit seconds are over.
 * Return: 0, or -1 if they are.
 */
static int relay(int from, int pidfd, double limit)
{
	double end = seconds() + limit;
	char line[3000], buf[4096];
	size_t len = 0;
	ssize_t n;

	for (;;) {
		struct pollfd p[] = { { .fd = from, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
		double left = end - seconds();

		n = left <= 0 || poll(p, 2, left * 1000 + 1) == 0 ? -1 : p[0].revents ? read(from, buf, sizeof(buf)) : 0;
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != '\n')
				line[len++] = buf[i];
			if (buf[i] == '\n' || len == sizeof(line)) {
				say("> %.*s\n", (int)len, line);
				len = 0;
			}
		}
	}
	if (len)
		say("> %.*s\n", (int)len, line);
	return n;
}

static void run(const char *mode, const char *path, double limit)
{
	int out[2], status, late, pidfd;
	double begun = seconds();
	pid_t pid;

	say("@begin %s %s\n", mode, path);
	if (pipe(out) || (pid = fork()) < 0)
		err(1, "%s", path);
	if (!pid) {
		int null = open("/dev/null", O_RDONLY);

		setpgid(0, 0);
		dup2(null, 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(out[0]);
		close(out[1]);
		close(null);
		setenv("POOLWATCH_MODE", mode, 1);
		execl("/bin/sh", "sh", "-c", path, NULL);
		_exit(127);
	}
	close(out[1]);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	late = relay(out[0], pidfd, limit);
	close(pidfd);
	close(out[0]);
	if (late)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		;
	/* Tests have process groups of their own, and what they started comes to this one when they end: nobody stays. */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (late)
		say("@end timeout\n");
	else if (WIFSIGNALED(status))
		say("@end signal %d\n", WTERMSIG(status));
	else
		say("@end %d\n", WEXITSTATUS(status));
	say("@took %.1f\n", seconds() - begun);
}

static int wanted(const char *mode)
{
	char list[256];

	snprintf(list, sizeof(list), "%s", parameter("pwmodes", "kmod,direct,device"));
	for (char *word = strtok(list, ","); word; word = strtok(NULL, ","))
		if (!strcmp(word, mode))
			return 1;
	return 0;
}

int main(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY }, files = { 65536, 65536 };
	char line[1024], mode[16], path[1000];
	double limit;
	FILE *tests;

	mount_all();
	open_host();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	setrlimit(RLIMIT_NOFILE, &files);
	if (chdir(REPO))
		err(1, REPO);
	limit = atof(parameter("pwlimit", "300"));

	tests = fopen(TESTS, "re");
	if (!tests)
		err(1, TESTS);
	while (fgets(line, sizeof(line), tests)) {
		if (sscanf(line, "%15s %999[^\n]", mode, path) != 2 || !wanted(mode))
			continue;
		if (!strcmp(mode, "device") ? module_load() : module_unload())
			err(1, "%s: the module could not be %sloaded", path, strcmp(mode, "device") ? "un" : "");
		run(mode, path, limit);
	}
	if (module_unload())
		err(1, "at the end something still holds the module");
	if (!access(DEVICE, F_OK) || !access("/sys/module/poolwatch", F_OK))
		errx(1, "the module left something behind");
	say("@done %s\n", parameter("pwtoken", "?"));
	tcdrain(host);
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
