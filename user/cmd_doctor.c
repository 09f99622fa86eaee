// SPDX-License-Identifier: GPL-2.0
/* poolwatch doctor: what this kernel, this user and a target allow, and what to do about what they do not. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "cleanup.h"
#include "cmd.h"
#include "dev.h"
#include "escape.h"
#include "json.h"
#include "loader.h"
#include "opts.h"
#include "place_kernel.h"
#include "privilege.h"
#include "target.h"

enum verdict { GOOD, NOTE, BAD };
static const char *const verdict_names[] = { "ok", "note", "no" };

struct doctor {
	bool json;
	bool bad; /* something stands in the way of attaching */
};

static void usage(FILE *out)
{
	fputs("usage: poolwatch doctor [-p PID] [--json]\n\n"
	      "Says what this kernel, this user and, with -p, a process allow poolwatch to do, and changes nothing.\n"
	      "Exit code: 0 attaching will work, 1 it will not.\n\n"
	      "  -p, --pid PID    look at this process, too\n"
	      "  --json           one object a line\n",
	      out);
}

static void say(struct doctor *d, const char *check, enum verdict v, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void say(struct doctor *d, const char *check, enum verdict v, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (v == BAD)
		d->bad = true;
	if (d->json) {
		struct json j;

		json__init(&j, stdout);
		json__object(&j, NULL);
		json__string(&j, "type", "check");
		json__string(&j, "check", check);
		json__string(&j, "verdict", verdict_names[v]);
		json__string(&j, "text", text);
		json__end_object(&j);
		json__end_line(&j);
	} else {
		printf("%-5s %-12s %s\n", verdict_names[v], check, text);
	}
}

static void check_kernel(struct doctor *d)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
		say(d, "kernel", BAD, "its version cannot be read");
		return;
	}
	if (strcmp(u.machine, "x86_64"))
		say(d, "machine", BAD, "%s: only x86_64 can be probed", u.machine);
	if (major < 6 || (major == 6 && minor < 1))
		say(d, "kernel", BAD, "Linux %s: 6.1 or later is needed", u.release);
	else
		say(d, "kernel", GOOD, "Linux %s", u.release);
	if (!target__in_first_pid_namespace())
		say(d, "processes", BAD, "%s", TARGET_OTHER_PIDS);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		say(d, "btf", BAD, "no /sys/kernel/btf/vmlinux: the kernel must be built with CONFIG_DEBUG_INFO_BTF (Debian's are)");
	else
		say(d, "btf", GOOD, "the kernel describes its types");
	if (access("/sys/bus/event_source/devices/uprobe/type", R_OK))
		say(d, "uprobes", BAD, "the kernel was built without CONFIG_UPROBE_EVENTS: no program can be probed");
	else
		say(d, "uprobes", GOOD, "programs can be probed");
}

static void check_lockdown(struct doctor *d)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[120] = "";

	if (f && fgets(line, sizeof(line), f) && strstr(line, "[confidentiality]"))
		say(d, "lockdown", BAD, "the kernel is locked down for confidentiality: BPF programs may not read memory. Boot with lockdown=integrity");
	else if (strstr(line, "[integrity]"))
		say(d, "lockdown", NOTE, "the kernel is locked down for integrity: only a signed module can be loaded; direct mode works");
}

static const struct {
	int bit;
	const char *name, *what;
} caps[] = {
	{ 39, "CAP_BPF", "to load BPF programs" },
	{ 38, "CAP_PERFMON", "to attach them" },
	{ 19, "CAP_SYS_PTRACE", "to look at other users' processes" },
	{ 2, "CAP_DAC_READ_SEARCH", "to open the files they map" },
};

static void check_user(struct doctor *d)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
	unsigned long long effective = 0;
	char line[200], missing[300] = "";
	size_t len = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		/* CAP_SYS_ADMIN (21) includes the first two. */
		if (!(effective >> caps[i].bit & 1) && !(i < 2 && effective >> 21 & 1))
			len += snprintf(missing + len, sizeof(missing) - len, "%s%s (%s)", len ? ", " : "", caps[i].name, caps[i].what);
	if (!privilege__can_attach())
		len += snprintf(missing + len, sizeof(missing) - len, "%sCAP_SYS_ADMIN (to attach before Linux 6.10)", len ? ", " : "");
	if (len)
		say(d, "privilege", BAD, "missing: %s. Run as root", missing);
	else
		say(d, "privilege", GOOD, "all that is needed: CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH%s",
		    loader__kernel_has_multi() ? "" : ", and before Linux 6.10 CAP_SYS_ADMIN");
}

static void check_load(struct doctor *d)
{
	struct loader_abilities a;

	loader__probe_abilities(&a);
	if (!a.load)
		say(d, "bpf", BAD, "the kernel refuses poolwatch's programs: %s", strerror(a.load_errno));
	else if (a.uprobe_multi)
		say(d, "bpf", GOOD, "the programs load; many probes are attached in one call");
	else
		say(d, "bpf", GOOD, "the programs load; each probe is attached for itself (uprobe_multi is used from Linux 6.10 on)");
	say(d, "returns", GOOD, "%s",
	    place_kernel__uretprobe_seccomp_safe() ?
		    "uretprobes are safe under seccomp filters" :
		    "under a seccomp filter this kernel could kill a program at a uretprobe: there returns are probed at their instructions");
}

static void check_mode(struct doctor *d)
{
	struct poolwatch_info info;
	struct dev_why why = { "" };
	int fd = dev__open(true, &info, &why);

	if (fd >= 0) {
		close(fd);
		say(d, "mode", GOOD, "device: " DEV_PATH " is there, ABI %u.%u, %u of %u sessions; readers need no root", info.abi_major,
		    info.abi_minor, info.sessions, info.max_sessions);
		return;
	}
	say(d, "mode", NOTE, "direct: %s. Everything but reading as an ordinary user works", why.line[0] ? why.line : strerror(-fd));
}

static void check_target(struct doctor *d, uint32_t pid)
{
	char name[64];
	struct target t;
	int err = target__open(pid, &t);

	if (err) {
		say(d, "target", BAD, "process %u: %s", pid, target__error(err));
		return;
	}
	escape__string(name, sizeof(name), t.comm, 0);
	say(d, "target", GOOD, "process %u (%s), uid %u%s%s", pid, name, t.uid, t.foreign_mnt ? ", in another mount namespace" : "",
	    t.container ? ", in a container" : "");
	if (t.seccomp)
		say(d, "seccomp", NOTE, "process %u has a seccomp filter: %s", pid,
		    place_kernel__uretprobe_seccomp_safe() ? "harmless on this kernel" : "returns are probed without system calls");
	say(d, "pools", NOTE, "'poolwatch presets -p %u' tells which known pools it has, 'poolwatch probe -p %u' what would be probed", pid, pid);
	target__close(&t);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "pid", required_argument, NULL, 'p' },
		{ 0 },
	};
	struct doctor d = { 0 };
	uint32_t pid = 0;
	int opt;

	setlocale(LC_ALL, "");
	while ((opt = getopt_long(argc, argv, "hp:", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return CMD_OK;
		case 'j':
			d.json = true;
			break;
		case 'p':
			if (!opts__pid(optarg, &pid))
				break;
			fprintf(stderr, "poolwatch doctor: '%s' is no process number\n", optarg);
			return CMD_USAGE;
		default:
			fprintf(stderr, "'poolwatch doctor --help' tells its options.\n");
			return CMD_USAGE;
		}
	}
	check_kernel(&d);
	check_lockdown(&d);
	check_user(&d);
	check_load(&d);
	check_mode(&d);
	if (pid)
		check_target(&d, pid);
	return d.bad ? CMD_FAILED : CMD_OK;
}
