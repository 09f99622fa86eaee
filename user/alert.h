/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Alerts: findings on their way to where operations look. One face, struct alert_sink, for syslog, the journal, a remote
 * collector, a file and a command. Sinks never block: what takes time is done in steps, by whoever owns the event loop. Single thread.
 */
#ifndef POOLWATCH_ALERT_H
#define POOLWATCH_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "conf.h"
#include "finding.h"

enum alert_type {
	ALERT_FINDING,
	ALERT_SUPPRESSED, /* the rate limit held back so many of this kind and definition; finding has only these two */
	ALERT_TEST,	  /* poolwatch alert --test; finding has only a severity */
};

/* What a sink gets: rendered once for all of them, valid during the call. Nothing in the texts can end a line. */
struct alert {
	enum alert_type type;
	const struct finding *finding;
	uint64_t suppressed;
	uint64_t realtime_ns;
	const char *name; /* "deadlock", "suppressed", "test" */
	const char *json; /* one object, no newline */
	size_t json_len;
	const char *line; /* logfmt */
};

struct alert_sink;

struct alert_sink_ops {
	/* 0: delivered or on its way; -errno: lost, and counted by the caller. */
	int (*send)(struct alert_sink *s, const struct alert *a);
	/* Go on with what is on its way; NULL: nothing ever is. @now: CLOCK_MONOTONIC ns. */
	void (*step)(struct alert_sink *s, uint64_t now);
	/* When to call step even if the descriptor is not ready; UINT64_MAX: never. */
	uint64_t (*deadline)(const struct alert_sink *s);
	/* Files may have been rotated. */
	void (*reopen)(struct alert_sink *s);
	void (*free)(struct alert_sink *s);
};

/* The beginning of every sink. */
struct alert_sink {
	const struct alert_sink_ops *ops;
	char *name;	       /* its section */
	unsigned int kinds;    /* that it wants: bit set of enum finding_kind */
	unsigned int severity; /* the least it wants */
	int fd;		       /* polls readable when step has something to do; -1: none */
	uint64_t sent, lost;   /* alerts; of a remote one: accepted into its spool, made room or refused */
	uint64_t waiting;      /* accepted, not yet delivered */
};

/* One for each enabled section. Return: 0 or -errno with one line in @msg. */
int alert_sink__new(const struct conf_sink *c, struct alert_sink **out, char *msg, size_t size);

int alert_syslog__new(const struct conf_sink *c, struct alert_sink **out);
int alert_journal__new(const struct conf_sink *c, struct alert_sink **out);
int alert_remote__new(const struct conf_sink *c, struct alert_sink **out);
int alert_file__new(const struct conf_sink *c, struct alert_sink **out);
int alert_command__new(const struct conf_sink *c, struct alert_sink **out);

/* Priority (without facility) of a severity: LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_INFO. */
int alert__priority(const struct alert *a);

/* --- all of them, behind the rate limit */

struct alerts;

int alerts__new(const struct conf *c, struct alerts **out, char *msg, size_t size);
void alerts__free(struct alerts *a);

/* Tell all sinks that want it, unless there were too many of its kind and definition. @now: CLOCK_MONOTONIC ns. */
void alerts__finding(struct alerts *a, const struct finding *f, uint64_t now);
/* A test alert, past limits and filters. */
void alerts__test(struct alerts *a, uint64_t now);
/* Polls readable when alerts__step has something to do. */
int alerts__fd(const struct alerts *a);
uint64_t alerts__deadline(const struct alerts *a);
void alerts__step(struct alerts *a, uint64_t now);
void alerts__reopen(struct alerts *a);
/* All that was accepted is delivered, as far as sinks can know. */
bool alerts__idle(const struct alerts *a);

/* For metrics: sinks in the order of the configuration; NULL after the last. */
const struct alert_sink *alerts__sink(const struct alerts *a, size_t i);
uint64_t alerts__suppressed(const struct alerts *a);

#endif
