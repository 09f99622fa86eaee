// SPDX-License-Identifier: GPL-2.0
/* QSemaphore, of whichever Qt this is built with. */
#include <QSemaphore>
#include "article.h"

static QSemaphore *sem;

static void article_setup(void)
{
	sem = new QSemaphore(UNITS);
}

static void *article_take(void)
{
	sem->acquire();
	return nullptr;
}

static void article_put(void *unit)
{
	sem->release();
}
