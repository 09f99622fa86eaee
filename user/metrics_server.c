// SPDX-License-Identifier: GPL-2.0
/* Metrics over HTTP, and as a file. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "address.h"
#include "cleanup.h"
#include "metrics_server.h"

#define MAX_CONNECTIONS 8
#define PATIENCE_S	5
#define MEMORY		(32 << 10) /* per connection */

struct metrics_server {
	struct MHD_Daemon *mhd;
	int (*body)(void *ctx, char **text, size_t *len);
	void *ctx;
	char *path; /* of a UNIX socket, removed at the end */
};

/* Somebody listens there, or is it what a killed process left? */
static bool is_alive(const struct sockaddr_un *sun)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && !connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
}

static int listen_unix(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (!lstat(path, &st)) {
		if (!S_ISSOCK(st.st_mode) || is_alive(&sun))
			return -EADDRINUSE;
		unlink(path);
	}
	/* 0660 from its first moment: the mode of the socket inode is the file's, less the umask. */
	if (fchmod(fd, 0660) || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, MAX_CONNECTIONS))
		return -errno;
	return take_fd(&fd);
}

static int listen_inet(const struct address *a)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *ai;
	int on = 1, err = 0;

	if (getaddrinfo(a->host, a->port, &hints, &ai))
		return -EINVAL;

	_cleanup_close_ int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, MAX_CONNECTIONS))
		err = -errno;
	freeaddrinfo(ai);
	return err ? err : take_fd(&fd);
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status, const char *type, char *text, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result ret;

	if (!r) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ret = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ret;
}

static enum MHD_Result plain(struct MHD_Connection *c, unsigned int status, const char *text)
{
	char *copy = strdup(text);

	return copy ? answer(c, status, "text/plain; charset=utf-8", copy, strlen(copy)) : MHD_NO;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url, const char *method,
			      const char *version __attribute__((unused)), const char *data __attribute__((unused)),
			      size_t *size __attribute__((unused)), void **state __attribute__((unused)))
{
	struct metrics_server *s = cls;
	char *text;
	size_t len;

	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return plain(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET /metrics\n");
	if (strcmp(url, "/metrics"))
		return plain(c, MHD_HTTP_NOT_FOUND, "GET /metrics\n");
	if (s->body(s->ctx, &text, &len))
		return plain(c, MHD_HTTP_SERVICE_UNAVAILABLE, "no metrics now\n");
	return answer(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, len);
}

int metrics_server__new(const char *address, int (*body)(void *ctx, char **text, size_t *len), void *ctx,
			struct metrics_server **out)
{
	struct metrics_server *s = calloc(1, sizeof(*s));
	struct address a;
	int fd, err = s ? address__parse_listen(address, &a) : -ENOMEM;

	if (err)
		goto fail;
	fd = a.kind == ADDRESS_UNIX ? listen_unix(a.host) : listen_inet(&a);
	if (fd < 0) {
		err = fd;
		goto fail;
	}
	if (a.kind == ADDRESS_UNIX)
		s->path = strdup(a.host);
	s->body = body;
	s->ctx = ctx;
	s->mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, s, MHD_OPTION_LISTEN_SOCKET, fd,
				  MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
				  PATIENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_END);
	if (!s->mhd) {
		close(fd);
		err = -EIO;
		goto fail;
	}
	*out = s;
	return 0;
fail:
	metrics_server__free(s);
	return err;
}

void metrics_server__free(struct metrics_server *s)
{
	if (!s)
		return;
	if (s->path)
		unlink(s->path);
	if (s->mhd)
		MHD_stop_daemon(s->mhd);
	free(s->path);
	free(s);
}

int metrics_server__fd(const struct metrics_server *s)
{
	return MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int metrics_server__timeout_ms(const struct metrics_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	return MHD_get_timeout(s->mhd, &ms) == MHD_YES ? (ms > 60000 ? 60000 : (int)ms) : -1;
}

void metrics_server__step(struct metrics_server *s)
{
	MHD_run(s->mhd);
}

int metrics_file__write(const char *path, const char *text, size_t len)
{
	_cleanup_free_ char *new = NULL;
	_cleanup_close_ int fd = -1;
	int err = 0;

	/* The collector reads *.prom only, so that it never sees this one. */
	if (asprintf(&new, "%s.new", path) < 0)
		return -ENOMEM;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < len && !err;) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			err = -errno;
		done += n > 0 ? n : 0;
	}
	if (!err && rename(new, path))
		err = -errno;
	if (err)
		unlink(new);
	return err;
}
