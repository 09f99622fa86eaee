/* SPDX-License-Identifier: GPL-2.0 */
/* poolwatch.conf(5): one file and a directory of more, read once, checked whole. Every error names file and line. */
#ifndef POOLWATCH_CONF_H
#define POOLWATCH_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include "finding.h"
#include "match.h"
#include "strlist.h"

#define CONF_PATH POOLWATCH_SYSCONFDIR "/poolwatch/poolwatch.conf"

enum conf_sink_type { CONF_SYSLOG, CONF_JOURNAL, CONF_REMOTE, CONF_FILE, CONF_COMMAND, CONF_SINK_TYPES };

/* A section that says where alerts go: [syslog], [journal], [remote NAME], [file NAME], [command NAME]. */
struct conf_sink {
	enum conf_sink_type type;
	char *name;	   /* the section's: "remote NAME" */
	bool enable;
	unsigned int kinds; /* bit set of enum finding_kind */
	unsigned int severity; /* enum finding_severity: the least */
	char *facility;	   /* syslog, remote; NULL: daemon */
	char *to;	   /* remote: "udp://HOST:PORT", "tcp://HOST:PORT", "unix:PATH" */
	char *path;	   /* file: where to write; remote: spool file (NULL: memory) */
	uint64_t spool;	   /* remote: bytes kept while the collector is away; command: not used */
	struct strlist run; /* command: its argv */
	uint64_t limit_ns; /* command: killed after this */
	char *file;	   /* where the section began */
	unsigned int line;
};

struct conf_target { /* [target NAME] */
	char *name;
	struct match match;
	struct strlist users; /* as written; match.uids once checked */
	struct strlist pools; /* empty: conf.pools */
	char *file;
	unsigned int line;
};

enum conf_names { CONF_NAMES_PROMETHEUS, CONF_NAMES_OPENTELEMETRY };

struct conf {
	/* [daemon] */
	struct strlist pools; /* presets by name, files or globs by absolute path; empty: pools.d, and every preset */
	char *state;	      /* directory for what outlives the daemon; NULL: nothing does */
	uint64_t stall_ns, leak_ns;
	uint64_t budget_permille;
	uint64_t scan_ns; /* how often to look for new processes where the kernel does not tell of them */
	uint64_t max_pools, max_threads;
	unsigned int stacks; /* enum watch_stacks */
	bool follow;
	bool device;
	bool jvm_dump;
	bool debuginfod;
	char *debug_dirs;
	/* [alert] */
	uint64_t rate;	  /* alerts of one kind and definition per rate_ns; 0: no limit */
	uint64_t rate_ns;
	bool ends; /* tell, too, when a finding ended */
	struct conf_sink *sinks;
	size_t nsinks;
	/* [metrics] */
	char *listen; /* "unix:PATH" or "ADDRESS:PORT"; NULL: no server */
	bool any_address;
	char *textfile;
	uint64_t textfile_ns;
	unsigned int names; /* enum conf_names */
	uint64_t series; /* pools that get series of their own, at most */
	char *metrics_file; /* where the section began */
	unsigned int metrics_line;

	struct conf_target *targets;
	size_t ntargets;
};

struct conf_error {
	char *file; /* as opened; NULL: none to blame (memory) */
	unsigned int line; /* 0: the file as a whole */
	char message[240];
};

/*
 * conf__read - @path, then every *.conf in @dir (NULL: none) in the order of their names; later ones win, lists grow
 * A missing @dir is no error. A missing @path is, unless @optional.
 * Return: 0; -EINVAL, -errno of the read, -ENOMEM with *@err (conf_error__clear). *@out is untouched on failure.
 */
int conf__read(const char *path, const char *dir, bool optional, struct conf **out, struct conf_error *err);
/* conf__load - the same for a command: @path (NULL: CONF_PATH) and conf.d beside it; the error as one line "FILE:LINE: .." in @line. */
int conf__load(const char *path, struct conf **out, char *line, size_t size);
void conf__free(struct conf *c);
void conf_error__clear(struct conf_error *err);

/* Do they say the same about alerts? */
bool conf__same_alerts(const struct conf *a, const struct conf *b);
/* Do they say the same about how processes are watched (not: which, and for what)? */
bool conf__same_watch(const struct conf *a, const struct conf *b);

/* "250ms", "5s", "2m", "1h", "3d", a bare number of seconds, "off" (0). Return: 0, -EINVAL, -ERANGE. */
int conf__duration(const char *text, uint64_t *ns);
/* Bytes: "65536", "256K", "4M". */
int conf__size(const char *text, uint64_t *bytes);

/* For completion, man pages and their test: every key as "section.key", in order; NULL after the last. */
const char *conf__key_name(size_t i);

#endif
