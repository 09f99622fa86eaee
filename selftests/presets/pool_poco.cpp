// SPDX-License-Identifier: GPL-2.0
/* Poco's SessionPool over SQLite. An exhausted one throws: who gets nothing tries again. */
#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/SessionPool.h>
#include "article.h"

static Poco::Data::SessionPool *pool;

static void article_setup(void)
{
	Poco::Data::SQLite::Connector::registerConnector();
	pool = new Poco::Data::SessionPool("SQLite", ":memory:", 1, UNITS, 600);
}

static void *article_take(void)
{
	for (;;) {
		try {
			return new Poco::Data::Session(pool->get());
		} catch (Poco::Data::SessionPoolExhaustedException &) {
			usleep(5000);
		}
	}
}

static void article_put(void *unit)
{
	delete static_cast<Poco::Data::Session *>(unit);
}
