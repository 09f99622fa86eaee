// SPDX-License-Identifier: GPL-2.0
/* The client pool of libmongoc. Popping a client needs no server. */
#include <mongoc/mongoc.h>
#include "article.h"

static mongoc_client_pool_t *pool;

static void article_setup(void)
{
	mongoc_uri_t *uri;

	mongoc_init();
	mongoc_log_set_handler(NULL, NULL); /* that there is no server is no news */
	uri = mongoc_uri_new("mongodb://127.0.0.1:1/?maxPoolSize=4");
	pool = uri ? mongoc_client_pool_new(uri) : NULL;
	if (!pool)
		exit(2);
}

static void *article_take(void)
{
	return mongoc_client_pool_pop(pool);
}

static void article_put(void *unit)
{
	mongoc_client_pool_push(pool, unit);
}
