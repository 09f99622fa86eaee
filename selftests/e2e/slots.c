// SPDX-License-Identifier: GPL-2.0
/* See slots.h. */
#include "slots.h"

void slots_init(struct slots *p, int capacity, int pshared)
{
	pthread_mutexattr_t m;
	pthread_condattr_t c;

	pthread_mutexattr_init(&m);
	pthread_condattr_init(&c);
	pthread_mutexattr_setpshared(&m, pshared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE);
	pthread_condattr_setpshared(&c, pshared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE);
	*p = (struct slots){.capacity = capacity, .left = capacity};
	pthread_mutex_init(&p->lock, &m);
	pthread_cond_init(&p->back, &c);
}

FUNCTION int slots_take(struct slots *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->left <= 0)
		pthread_cond_wait(&p->back, &p->lock);
	p->left--;
	pthread_mutex_unlock(&p->lock);
	return 0;
}

FUNCTION int slots_try(struct slots *p)
{
	int r = -1;

	pthread_mutex_lock(&p->lock);
	if (p->left > 0) {
		p->left--;
		r = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

FUNCTION int slots_timed(struct slots *p)
{
	int r = -1;

	pthread_mutex_lock(&p->lock);
	while (p->left <= 0 && !p->expired)
		pthread_cond_wait(&p->back, &p->lock);
	if (!p->expired) {
		p->left--;
		r = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

void slots_expire(struct slots *p)
{
	pthread_mutex_lock(&p->lock);
	p->expired = true;
	pthread_cond_broadcast(&p->back);
	pthread_mutex_unlock(&p->lock);
}

FUNCTION void slots_put(struct slots *p)
{
	pthread_mutex_lock(&p->lock);
	p->left++;
	pthread_cond_signal(&p->back);
	pthread_mutex_unlock(&p->lock);
}

FUNCTION void slots_resize(struct slots *p, int capacity)
{
	pthread_mutex_lock(&p->lock);
	p->left += capacity - p->capacity;
	p->capacity = capacity;
	pthread_cond_broadcast(&p->back);
	pthread_mutex_unlock(&p->lock);
}

static void *handles[64];
static int nhandles;

FUNCTION void *conn_get(struct slots *p)
{
	void *conn;

	pthread_mutex_lock(&p->lock);
	while (p->left <= 0)
		pthread_cond_wait(&p->back, &p->lock);
	p->left--;
	conn = &handles[nhandles++ % 64];
	pthread_mutex_unlock(&p->lock);
	return conn;
}

FUNCTION void conn_put(struct slots *p, void *conn)
{
	(void)conn;
	pthread_mutex_lock(&p->lock);
	p->left++;
	pthread_cond_signal(&p->back);
	pthread_mutex_unlock(&p->lock);
}
