// SPDX-License-Identifier: GPL-2.0
/* Collectors over real sockets, that are away and come back: nothing is lost but what is counted, nothing comes twice without need. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "sinks.h"

static int tcp_listen(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, 5))
		return -1;
	getsockname(fd, (struct sockaddr *)&sin, &len);
	*port = ntohs(sin.sin_port);
	return fd;
}

static int udp_bind(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		return -1;
	getsockname(fd, (struct sockaddr *)&sin, &len);
	*port = ntohs(sin.sin_port);
	return fd;
}

/* A port that nobody listens on: it was ours a moment ago. */
static uint16_t free_port(int (*take)(uint16_t *port))
{
	uint16_t port = 0;
	int fd = take(&port);

	close(fd);
	return port;
}

/* The id of the next octet-counted message, read exactly; -1: it is not one; 0: end. */
static int next_framed(struct alerts *a, int fd)
{
	char message[4096];
	size_t len = 0, got = 0;
	char c;

	for (;;) {
		while (!turn(a, fd))
			;
		if (read(fd, &c, 1) != 1)
			return 0;
		if (c == ' ')
			break;
		if (c < '0' || c > '9')
			return -1;
		len = len * 10 + c - '0';
	}
	while (got < len) {
		while (!turn(a, fd))
			;
		ssize_t n = read(fd, message + got, len - got);

		if (n <= 0)
			return -1;
		got += n;
	}
	message[len] = '\0';
	if (strncmp(message, "<26>1 ", 6) || !strstr(message, "] finding=deadlock "))
		return -1;
	return atoi(strstr(message, " id=\"") + 5);
}

static int next_datagram(struct alerts *a, int fd)
{
	char message[4096];
	ssize_t n;

	while (!turn(a, fd))
		;
	n = read(fd, message, sizeof(message) - 1);
	message[n < 0 ? 0 : n] = '\0';
	return strncmp(message, "<26>1 ", 6) ? -1 : atoi(strstr(message, " id=\"") + 5);
}

static int accept_turning(struct alerts *a, int fd)
{
	while (!turn(a, fd))
		;
	return accept(fd, NULL, NULL);
}

TEST_F(sinks, tcp_collector_away_and_back)
{
	uint16_t port = free_port(tcp_listen);
	int l, c;

	START("[alert]\nrate = off\n[remote]\nto = tcp://127.0.0.1:%u\n", port);
	/* Down: kept. */
	tell(self->a, 1);
	tell(self->a, 2);
	turn(self->a, -1);
	EXPECT_EQ(2, alerts__sink(self->a, 0)->waiting);
	/* Up: delivered, in order, once. */
	l = tcp_listen(&port);
	ASSERT_LE(0, l);
	c = accept_turning(self->a, l);
	EXPECT_EQ(1, next_framed(self->a, c));
	EXPECT_EQ(2, next_framed(self->a, c));
	until_idle(self->a);
	/* Down again while connected; what comes meanwhile is kept. */
	close(c);
	close(l);
	tell(self->a, 3);
	for (int i = 0; i < 3; i++)
		turn(self->a, -1);
	EXPECT_EQ(1, alerts__sink(self->a, 0)->waiting);
	l = tcp_listen(&port);
	c = accept_turning(self->a, l);
	EXPECT_EQ(3, next_framed(self->a, c));
	until_idle(self->a);
	tell(self->a, 4);
	EXPECT_EQ(4, next_framed(self->a, c));
	until_idle(self->a);
	EXPECT_EQ(4, alerts__sink(self->a, 0)->sent);
	EXPECT_EQ(0, alerts__sink(self->a, 0)->lost);
	close(c);
	close(l);
}

TEST_F(sinks, tcp_what_was_not_confirmed_comes_again)
{
	uint16_t port = 0;
	int l = tcp_listen(&port), c;
	struct linger reset = { 1, 0 };

	START("[alert]\nrate = off\n[remote]\nto = tcp://127.0.0.1:%u\nspool = 1M\n", port);
	/* More than the socket's buffers take, so that much is in flight or half sent when the collector dies. */
	int small = 4096;

	setsockopt(l, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 1; i <= 200; i++)
		tell(self->a, i);
	c = accept_turning(self->a, l);
	for (int i = 1; i <= 5; i++)
		EXPECT_EQ(i, next_framed(self->a, c));
	setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c);
	c = accept_turning(self->a, l);
	int first = next_framed(self->a, c);

	/* What the dead collector's kernel had taken is gone with it, nothing else. */
	EXPECT_LE(6, first);
	EXPECT_GE(200, first);
	for (int i = first + 1; i <= 200; i++)
		ASSERT_EQ(i, next_framed(self->a, c));
	until_idle(self->a);
	EXPECT_EQ(0, alerts__sink(self->a, 0)->lost);
	close(c);
	close(l);
}

TEST_F(sinks, spool_overflow_is_counted)
{
	uint16_t port = free_port(tcp_listen);
	const struct alert_sink *s;
	int l, c;

	START("[alert]\nrate = off\n[remote]\nto = tcp://127.0.0.1:%u\nspool = 8K\n", port);
	s = alerts__sink(self->a, 0);
	for (int i = 1; i <= 50; i++)
		tell(self->a, i);
	EXPECT_EQ(50, s->waiting + s->lost);
	EXPECT_LT(2, s->waiting);
	EXPECT_LT(30, s->lost);
	l = tcp_listen(&port);
	c = accept_turning(self->a, l);
	/* The newest are there. */
	for (int i = 50 - (int)s->waiting + 1; i <= 50; i++)
		ASSERT_EQ(i, next_framed(self->a, c));
	close(c);
	close(l);
}

TEST_F(sinks, udp_collector_away_and_back)
{
	uint16_t port = free_port(udp_bind);
	int fd;

	START("[alert]\nrate = off\n[remote]\nto = udp://127.0.0.1:%u\n", port);
	tell(self->a, 1);
	tell(self->a, 2);
	/* Sent, refused, waiting for another try. */
	for (int i = 0; i < 4; i++)
		turn(self->a, -1);
	EXPECT_EQ(2, alerts__sink(self->a, 0)->waiting);
	fd = udp_bind(&port);
	EXPECT_EQ(1, next_datagram(self->a, fd));
	EXPECT_EQ(2, next_datagram(self->a, fd));
	until_idle(self->a);
	EXPECT_EQ(-1, recv(fd, self->msg, 1, MSG_DONTWAIT));
	close(fd);
}

TEST_F(sinks, unix_datagrams)
{
	int fd;

	START("[alert]\nrate = off\n[remote]\nto = unix:%s/out\n", self->dir);
	tell(self->a, 1);
	turn(self->a, -1);
	EXPECT_EQ(1, alerts__sink(self->a, 0)->waiting);
	fd = unix_bind(self->path, SOCK_DGRAM);
	EXPECT_EQ(1, next_datagram(self->a, fd));
	/* Restarted: another socket at the same path. */
	close(fd);
	unlink(self->path);
	fd = unix_bind(self->path, SOCK_DGRAM);
	tell(self->a, 2);
	EXPECT_EQ(2, next_datagram(self->a, fd));
	until_idle(self->a);
	close(fd);
}

TEST_F(sinks, unix_stream)
{
	int l = unix_bind(self->path, SOCK_STREAM), c;

	START("[alert]\nrate = off\n[remote]\nto = unix:%s/out\n", self->dir);
	tell(self->a, 1);
	c = accept_turning(self->a, l);
	EXPECT_EQ(1, next_framed(self->a, c));
	until_idle(self->a);
	tell(self->a, 2);
	turn(self->a, -1);
	/* Not read yet: the peer may still die with it. */
	EXPECT_EQ(1, alerts__sink(self->a, 0)->waiting);
	close(c);
	c = accept_turning(self->a, l);
	EXPECT_EQ(2, next_framed(self->a, c));
	until_idle(self->a);
	close(c);
	close(l);
}

TEST_F(sinks, spool_outlives_the_daemon)
{
	uint16_t port = free_port(tcp_listen);
	struct conf_error err = { 0 };
	int l, c, status;
	pid_t pid;

	START("[alert]\nrate = off\n[remote]\nto = tcp://127.0.0.1:%u\nspool-file = %s/spool\n", port, self->dir);
	alerts__free(self->a);
	self->a = NULL;
	pid = fork();
	if (!pid) {
		if (alerts__new(self->conf, &self->a, self->msg, sizeof(self->msg)))
			_exit(1);
		tell(self->a, 1);
		tell(self->a, 2);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	ASSERT_TRUE(WIFSIGNALED(status));
	(void)err;
	ASSERT_EQ(0, alerts__new(self->conf, &self->a, self->msg, sizeof(self->msg)));
	EXPECT_EQ(2, alerts__sink(self->a, 0)->waiting);
	l = tcp_listen(&port);
	c = accept_turning(self->a, l);
	EXPECT_EQ(1, next_framed(self->a, c));
	EXPECT_EQ(2, next_framed(self->a, c));
	until_idle(self->a);
	close(c);
	close(l);
}

TEST_HARNESS_MAIN
