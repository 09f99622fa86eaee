/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the daemon share. */
#ifndef POOLWATCH_DAEMON_INT_H
#define POOLWATCH_DAEMON_INT_H

#include "alert.h"
#include "daemon.h"
#include "metrics.h"
#include "metrics_server.h"
#include "pool_set.h"
#include "roster.h"
#include "told.h"
#include "watch.h"

/* Targets with the same definitions and options, and their one watch. */
struct daemon_group {
	struct daemon *daemon;
	struct pool_set pools;
	struct watch *watch;
	uint32_t session; /* for metrics: never the same for two watches */
	bool kept;	  /* during a reload: taken over into the new configuration */
};

struct daemon {
	struct conf *conf;
	void (*notice)(const char *line);
	int epoll;
	struct daemon_group **groups;
	size_t ngroups;
	int *group_of; /* by target of the configuration */
	struct roster *roster;
	int proc_events; /* -1: not given here */
	uint64_t next_scan;
	struct told *told;
	struct alerts *alerts;
	struct metrics *metrics;
	struct metrics_server *server;
	struct ledger ledger; /* room for looks */
	uint64_t last_look, next_textfile;
	int textfile_error; /* of the last time it was written; 0: none */
	uint64_t found[FINDING_KINDS];
	uint64_t known; /* findings an earlier daemon had told */
	uint32_t sessions;
};

uint64_t daemon__now(void);
int daemon__fail(struct daemon_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int daemon__poll(struct daemon *d, int fd);

/* daemon_groups.c */

/* The groups that @conf needs, those of @old with the same definitions taken over (kept), others with a watch of their own. */
int daemon_groups__make(struct daemon *d, const struct conf *conf, bool same_options, struct daemon_group ***groups, size_t *n,
			int **group_of, struct daemon_error *err);
void daemon_group__free(struct daemon_group *g);
/* Begin anew a watch that broke down. */
int daemon_group__restart(struct daemon_group *g, struct daemon_error *err);

/* daemon_metrics.c */

/* Metrics and server as @conf says. */
int daemon_metrics__open(struct daemon *d, const struct conf *conf, struct daemon_error *err);
void daemon_metrics__step(struct daemon *d, uint64_t now);
uint64_t daemon_metrics__deadline(const struct daemon *d);

#endif
