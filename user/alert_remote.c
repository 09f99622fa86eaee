// SPDX-License-Identifier: GPL-2.0
/*
 * Alerts to a collector elsewhere, as RFC 5424 messages, over UDP, TCP or a UNIX socket (datagrams, or a stream if that
 * is what listens there). Streams are framed by octet counting (RFC 6587).
 *
 * A message stays in the spool until there is reason to believe that it arrived: over TCP when the peer's kernel has
 * acknowledged its last byte, over a UNIX stream when the peer has read it, over UDP when no refusal came back for a
 * while, in a UNIX datagram socket at once. What was not confirmed when a connection broke is sent again.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "address.h"
#include "alert.h"
#include "facility.h"
#include "resolve.h"
#include "rfc5424.h"
#include "spool.h"

#define MS	     1000000ull
#define BACKOFF_MIN  (250 * MS)
#define BACKOFF_MAX  (30000 * MS)
#define CONFIRM_POLL (20 * MS) /* how often to ask for acknowledgements while some are due */
#define UDP_GRACE    (50 * MS) /* how long a refusal takes to come back, of a network worth logging over */
#define GIVE_UP_MS   20000     /* a peer that acknowledges nothing for so long is away */
#define WINDOW	     64	       /* messages sent and not confirmed */

enum state {
	STATE_IDLE, /* nothing to send, nothing open */
	STATE_RESOLVE,
	STATE_CONNECT, /* in progress */
	STATE_UP,
	STATE_BACKOFF, /* until wake */
};

struct sent {
	uint64_t n;   /* number in the spool */
	uint64_t end; /* stream: position of its end, in bytes of this connection */
};

struct remote_alerts {
	struct alert_sink base;
	struct address to;
	int facility;
	char hostname[256];
	struct spool *spool;

	enum state state;
	int sock;
	bool stream;
	struct resolve *resolve;
	struct addrinfo *addr; /* the one being tried */
	uint64_t wake, backoff;

	uint64_t next; /* number of the message to send next */
	char *rest;    /* stream: what is left of a message begun */
	size_t rest_len;
	uint64_t written; /* stream: bytes given to the kernel */
	struct sent window[WINDOW];
	unsigned int first, in_flight;
};

static void update(struct remote_alerts *r)
{
	r->base.waiting = spool__count(r->spool);
}

static void disconnect(struct remote_alerts *r)
{
	if (r->sock >= 0)
		close(r->sock);
	r->sock = -1;
	resolve__free(r->resolve);
	r->resolve = NULL;
	r->addr = NULL;
	free(r->rest);
	r->rest = NULL;
	r->rest_len = 0;
	r->written = 0;
	r->first = r->in_flight = 0;
	r->next = spool__first(r->spool);
	r->state = STATE_IDLE;
	r->wake = UINT64_MAX;
}

static void back_off(struct remote_alerts *r, uint64_t now)
{
	disconnect(r);
	r->state = STATE_BACKOFF;
	r->wake = now + r->backoff;
	r->backoff = r->backoff * 2 < BACKOFF_MAX ? r->backoff * 2 : BACKOFF_MAX;
}

static void want(struct remote_alerts *r, unsigned int events)
{
	struct epoll_event e = {.events = events | EPOLLRDHUP};

	epoll_ctl(r->base.fd, EPOLL_CTL_MOD, r->sock, &e);
}

/* Begin to connect. Return: 0 (done or in progress) or -errno. */
static int open_socket(struct remote_alerts *r, int family, int type, const void *addr, socklen_t len)
{
	struct epoll_event e = {.events = EPOLLOUT | EPOLLRDHUP};
	int user_timeout = GIVE_UP_MS;

	if (r->sock >= 0)
		close(r->sock);
	r->sock = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->sock < 0)
		return -errno;
	r->stream = type == SOCK_STREAM;
	if (r->stream && family != AF_UNIX)
		setsockopt(r->sock, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof(user_timeout));
	if (connect(r->sock, addr, len) && errno != EINPROGRESS)
		return -errno;
	return epoll_ctl(r->base.fd, EPOLL_CTL_ADD, r->sock, &e) ? -errno : 0;
}

static int open_unix(struct remote_alerts *r)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int err;

	memcpy(sun.sun_path, r->to.host, strlen(r->to.host) + 1);
	err = open_socket(r, AF_UNIX, SOCK_DGRAM, &sun, sizeof(sun));
	if (err == -EPROTOTYPE)
		err = open_socket(r, AF_UNIX, SOCK_STREAM, &sun, sizeof(sun));
	return err;
}

/* From r->addr on, the first address that does not fail at once. */
static int open_inet(struct remote_alerts *r)
{
	int err = -ENOENT;

	for (; r->addr; r->addr = r->addr->ai_next) {
		err = open_socket(r, r->addr->ai_family, r->addr->ai_socktype, r->addr->ai_addr, r->addr->ai_addrlen);
		if (!err)
			break;
	}
	return err;
}

static void begin(struct remote_alerts *r, uint64_t now)
{
	int err;

	r->wake = UINT64_MAX;
	if (r->to.kind == ADDRESS_UNIX) {
		r->state = STATE_CONNECT;
		err = open_unix(r);
	} else {
		r->state = STATE_RESOLVE;
		err = resolve__start(r->to.host, r->to.port, r->to.kind == ADDRESS_TCP ? SOCK_STREAM : SOCK_DGRAM,
				     &r->resolve);
	}
	if (err)
		back_off(r, now);
}

static void resolved(struct remote_alerts *r, uint64_t now)
{
	int err = resolve__poll(r->resolve, &r->addr);

	if (err == -EAGAIN) {
		r->wake = now + CONFIRM_POLL;
		return;
	}
	r->wake = UINT64_MAX;
	r->state = STATE_CONNECT;
	if (err || open_inet(r))
		back_off(r, now);
}

static int socket_error(const struct remote_alerts *r)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(r->sock, SOL_SOCKET, SO_ERROR, &err, &len))
		return errno;
	return err;
}

/* What epoll has to say about the socket, 0 if nothing. */
static unsigned int socket_events(const struct remote_alerts *r)
{
	struct epoll_event e;

	return epoll_wait(r->base.fd, &e, 1, 0) == 1 ? e.events : 0;
}

static void connected(struct remote_alerts *r, uint64_t now)
{
	if (!socket_events(r))
		return;
	if (!socket_error(r)) {
		r->state = STATE_UP;
		r->next = spool__first(r->spool);
		return;
	}
	if (r->addr) {
		r->addr = r->addr->ai_next;
		if (!open_inet(r))
			return;
	}
	back_off(r, now);
}

/* Messages that are confirmed leave the spool; those that overflow removed meanwhile are not there any more. */
static void confirm(struct remote_alerts *r, uint64_t upto)
{
	while (r->in_flight && r->window[r->first].end <= upto) {
		if (r->window[r->first].n == spool__first(r->spool))
			spool__pop(r->spool);
		r->first = (r->first + 1) % WINDOW;
		r->in_flight--;
		r->backoff = BACKOFF_MIN;
	}
	update(r);
}

/* Return: 0, or -errno: the peer is gone, and with it what it had not read. */
static int confirm_what_arrived(struct remote_alerts *r, uint64_t now)
{
	int queued, err;

	if (!r->in_flight)
		return 0;
	if (!r->stream) {
		if (now >= r->wake)
			confirm(r, UINT64_MAX);
		return 0;
	}
	if (ioctl(r->sock, SIOCOUTQ, &queued))
		return -errno;
	if (r->to.kind == ADDRESS_TCP) {
		confirm(r, r->written - queued);
		return 0;
	}
	/* A UNIX socket counts memory, not bytes: only 0 says something, and that only if the peer did not die with it.
	 */
	err = socket_error(r);
	if (!queued && !err)
		confirm(r, r->written);
	return -err;
}

/* Give bytes to a stream. Return: 0, -EAGAIN with what is left in r->rest, -errno. */
static int write_stream(struct remote_alerts *r, const char *data, size_t len)
{
	ssize_t n = send(r->sock, data, len, MSG_NOSIGNAL);
	char *rest;

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n < 0)
		n = 0;
	r->written += n;
	if ((size_t)n == len)
		return 0;
	rest = malloc(len - n);
	if (!rest)
		return -ENOMEM;
	memcpy(rest, data + n, len - n);
	free(r->rest);
	r->rest = rest;
	r->rest_len = len - n;
	return -EAGAIN;
}

static int flush_rest(struct remote_alerts *r)
{
	char *rest = r->rest;
	size_t len = r->rest_len;
	int err;

	r->rest = NULL;
	r->rest_len = 0;
	err = len ? write_stream(r, rest, len) : 0;
	free(rest);
	return err;
}

static void remember(struct remote_alerts *r, uint64_t end)
{
	r->window[(r->first + r->in_flight++) % WINDOW] = (struct sent){.n = r->next++, .end = end};
}

static int send_framed(struct remote_alerts *r, const char *message, size_t len)
{
	char *frame;
	uint64_t begin = r->written;
	int frame_len = asprintf(&frame, "%zu %.*s", len, (int)len, message), err;

	if (frame_len < 0)
		return -ENOMEM;
	err = write_stream(r, frame, frame_len);
	free(frame);
	if (!err || err == -EAGAIN)
		remember(r, begin + frame_len);
	return err;
}

static int send_datagram(struct remote_alerts *r, const char *message, size_t len, uint64_t now)
{
	if (send(r->sock, message, len, MSG_NOSIGNAL) < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	remember(r, 0);
	if (r->to.kind == ADDRESS_UNIX)
		confirm(r, UINT64_MAX);
	else
		r->wake = now + UDP_GRACE;
	return 0;
}

static void send_more(struct remote_alerts *r, uint64_t now)
{
	unsigned int room = r->stream ? WINDOW : 1;
	int err = flush_rest(r);

	while (!err && r->in_flight < room) {
		const char *message;
		size_t len;

		if (r->next < spool__first(r->spool))
			r->next = spool__first(r->spool);
		message = spool__at(r->spool, r->next, &len);
		if (!message)
			break;
		err = r->stream ? send_framed(r, message, len) : send_datagram(r, message, len, now);
	}
	if (err && err != -EAGAIN) {
		back_off(r, now);
		return;
	}
	want(r, err == -EAGAIN ? EPOLLOUT : 0);
	if (r->stream)
		r->wake = r->in_flight ? now + CONFIRM_POLL : UINT64_MAX;
	else if (!r->in_flight)
		r->wake = UINT64_MAX;
}

static void up(struct remote_alerts *r, uint64_t now)
{
	bool broken = socket_events(r) & (EPOLLERR | EPOLLHUP | EPOLLRDHUP);

	/* A refused datagram is the one in flight: it is not confirmed then. */
	if ((!broken || r->stream) && confirm_what_arrived(r, now))
		broken = true;
	if (!broken) {
		send_more(r, now);
		return;
	}
	if (spool__count(r->spool))
		back_off(r, now);
	else
		disconnect(r);
}

static void step(struct alert_sink *s, uint64_t now)
{
	struct remote_alerts *r = (struct remote_alerts *)s;
	enum state before;

	/* As far as it goes without waiting: each round either changes the state or is the last. */
	do {
		before = r->state;
		if (before == STATE_IDLE && spool__count(r->spool))
			begin(r, now);
		else if (before == STATE_BACKOFF && now >= r->wake)
			begin(r, now);
		else if (before == STATE_RESOLVE)
			resolved(r, now);
		else if (before == STATE_CONNECT)
			connected(r, now);
		else if (before == STATE_UP)
			up(r, now);
	} while (r->state != before && r->state != STATE_BACKOFF);
}

static uint64_t deadline(const struct alert_sink *s)
{
	const struct remote_alerts *r = (const struct remote_alerts *)s;

	/* A send just after a step that found nothing to do: the next round begins it. */
	return r->state == STATE_IDLE && spool__count(r->spool) ? 0 : r->wake;
}

static int enqueue(struct alert_sink *s, const struct alert *a)
{
	struct remote_alerts *r = (struct remote_alerts *)s;
	struct rfc5424_header h = {
	    .facility = r->facility, .hostname = r->hostname, .procid = getpid(), .version = POOLWATCH_VERSION};
	uint64_t lost = spool__lost(r->spool);
	char *message;
	int len = rfc5424__format(&h, a, &message), err;

	if (len < 0)
		return len;
	err = spool__push(r->spool, message, len);
	free(message);
	if (err)
		return err; /* the caller counts it */
	s->lost += spool__lost(r->spool) - lost;
	update(r);
	/* Send at the next step; but a datagram in flight has its time. */
	if (r->state == STATE_UP && (r->stream || !r->in_flight))
		r->wake = 0;
	return 0;
}

static void sink_free(struct alert_sink *s)
{
	struct remote_alerts *r = (struct remote_alerts *)s;

	if (r->spool)
		disconnect(r);
	if (s->fd >= 0)
		close(s->fd);
	spool__close(r->spool);
	free(r);
}

static const struct alert_sink_ops ops = {.send = enqueue, .step = step, .deadline = deadline, .free = sink_free};

int alert_remote__new(const struct conf_sink *c, struct alert_sink **out)
{
	struct remote_alerts *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->base.ops = &ops;
	r->sock = -1;
	r->wake = UINT64_MAX;
	r->backoff = BACKOFF_MIN;
	r->facility = c->facility ? facility__by_name(c->facility) : LOG_DAEMON;
	r->base.fd = epoll_create1(EPOLL_CLOEXEC);
	err = r->base.fd < 0 ? -errno : 0;
	if (!err)
		err = r->facility < 0 ? -EINVAL : address__parse_remote(c->to, &r->to);
	if (!err)
		err = spool__open(c->path, c->spool & ~7ull, &r->spool);
	if (err) {
		sink_free(&r->base);
		return err;
	}
	if (gethostname(r->hostname, sizeof(r->hostname) - 1))
		r->hostname[0] = '\0';
	update(r);
	*out = &r->base;
	return 0;
}
