// SPDX-License-Identifier: GPL-2.0
/* libzdb over SQLite. Its pool never blocks: who gets nothing tries again. */
#include <zdb/zdb.h>
#include "article.h"

static ConnectionPool_T pool;

static void article_setup(void)
{
	URL_T url = URL_new("sqlite:///:memory:?heap_limit=0");

	pool = ConnectionPool_new(url);
	ConnectionPool_setInitialConnections(pool, 1);
	ConnectionPool_setMaxConnections(pool, UNITS);
	ConnectionPool_start(pool);
}

static void *article_take(void)
{
	Connection_T c;

	while (!(c = ConnectionPool_getConnection(pool)))
		usleep(5000);
	return c;
}

static void article_put(void *unit)
{
	Connection_close(unit);
}
