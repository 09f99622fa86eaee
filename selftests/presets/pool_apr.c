// SPDX-License-Identifier: GPL-2.0
/* Resource lists of apr-util, which Apache's mod_dbd keeps its connections in. */
#include <apr_general.h>
#include <apr_reslist.h>
#include "article.h"

static apr_reslist_t *list;

static apr_status_t make(void **unit, void *params, apr_pool_t *pool)
{
	*unit = malloc(1);
	return APR_SUCCESS;
}

static apr_status_t unmake(void *unit, void *params, apr_pool_t *pool)
{
	free(unit);
	return APR_SUCCESS;
}

static void article_setup(void)
{
	apr_pool_t *pool;

	if (apr_initialize() || apr_pool_create(&pool, NULL) ||
	    apr_reslist_create(&list, 0, UNITS, UNITS, 0, make, unmake, NULL, pool))
		exit(2);
}

static void *article_take(void)
{
	void *unit;

	if (apr_reslist_acquire(list, &unit))
		exit(2);
	return unit;
}

static void article_put(void *unit)
{
	apr_reslist_release(list, unit);
}
