/* SPDX-License-Identifier: GPL-2.0 */
/* Sinks made from the text of a configuration, in a directory of their own, and turned by hand. After kselftest_harness.h. */
#ifndef POOLWATCH_TEST_SINKS_H
#define POOLWATCH_TEST_SINKS_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "alert.h"
#include "findings.h"

static inline uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Turn the alerts' wheel until their descriptor, their deadline or @fd (-1: none) says something; true if @fd did. */
static inline bool turn(struct alerts *a, int fd)
{
	struct pollfd p[] = { { .fd = alerts__fd(a), .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	uint64_t deadline = alerts__deadline(a), now = monotonic();
	int ms = deadline == UINT64_MAX ? -1 : deadline <= now ? 0 : (deadline - now + 999999) / 1000000;

	poll(p, 2, ms);
	alerts__step(a, monotonic());
	return fd >= 0 && p[1].revents;
}

static inline void until_idle(struct alerts *a)
{
	while (!alerts__idle(a))
		turn(a, -1);
}

FIXTURE(sinks)
{
	char dir[64], path[128];
	struct conf *conf;
	struct alerts *a;
	char msg[200];
};

FIXTURE_SETUP(sinks)
{
	strcpy(self->dir, "/tmp/poolwatch-sinks-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/out", self->dir);
	self->conf = NULL;
	self->a = NULL;
}

FIXTURE_TEARDOWN(sinks)
{
	char cmd[100];

	alerts__free(self->a);
	conf__free(self->conf);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", self->dir);
	EXPECT_EQ(0, system(cmd));
}

/* From the text of a configuration, in which %s is the directory. */
#define START(...)                                                                                    \
	do {                                                                                          \
		struct conf_error err_ = { 0 };                                                       \
		char file_[128];                                                                      \
		FILE *f_;                                                                             \
		snprintf(file_, sizeof(file_), "%s/conf", self->dir);                                 \
		f_ = fopen(file_, "w");                                                               \
		fprintf(f_, __VA_ARGS__);                                                             \
		fclose(f_);                                                                           \
		ASSERT_EQ(0, conf__read(file_, NULL, false, &self->conf, &err_))                      \
		{                                                                                     \
			TH_LOG("%s", err_.message);                                                   \
		}                                                                                     \
		ASSERT_EQ(0, alerts__new(self->conf, &self->a, self->msg, sizeof(self->msg)))         \
		{                                                                                     \
			TH_LOG("%s", self->msg);                                                      \
		}                                                                                     \
	} while (0)

static inline void tell(struct alerts *a, uint32_t id)
{
	struct finding f = four_deadlocked();

	f.id = id;
	alerts__finding(a, &f, monotonic());
}

static inline int unix_bind(const char *path, int type)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	strcpy(sun.sun_path, path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || (type == SOCK_STREAM && listen(fd, 5)))
		return -1;
	return fd;
}

#endif
