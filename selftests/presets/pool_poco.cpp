// SPDX-License-Identifier: GPL-2.0
/*
 * Poco's SessionPool over SQLite. An exhausted one throws: who gets nothing tries again. One more line:
 *
 *   give-up	while others have all sessions, try once, and leave it at that
 */
#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/SessionPool.h>
#define ARTICLE_MORE
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

static pthread_barrier_t over;

static void *hold_one(void *arg)
{
	void *unit = article_take();

	pthread_barrier_wait(&over);
	pthread_barrier_wait(&over);
	article_put(unit);
	return arg;
}

static void give_up()
{
	pthread_t holders[UNITS];
	bool thrown = false;

	pthread_barrier_init(&over, NULL, UNITS + 1);
	for (int i = 0; i < UNITS; i++)
		if (pthread_create(&holders[i], NULL, hold_one, NULL))
			exit(2);
	pthread_barrier_wait(&over);
	try {
		Poco::Data::Session session(pool->get());
	} catch (Poco::Data::SessionPoolExhaustedException &) {
		thrown = true;
	}
	pthread_barrier_wait(&over);
	for (int i = 0; i < UNITS; i++)
		pthread_join(holders[i], NULL);
	if (!thrown)
		exit(2);
}

static int article_more(const char *line)
{
	if (strcmp(line, "give-up\n"))
		return 0;
	give_up();
	return 1;
}
