// SPDX-License-Identifier: GPL-2.0
/* Waiting: for keys, for the next look, for the pump, for a signal to end. */
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include "top_draw.h"
#include "top_loop.h"
#include "top_screen.h"

#define PAUSE_NS 60000000000ull /* how long to wait for a key at once */

static volatile sig_atomic_t end_signal;
static const int end_signals[] = { SIGINT, SIGTERM, SIGHUP };

static void on_end(int sig)
{
	end_signal = sig;
}

static void catch_ends(void)
{
	struct sigaction sa = { .sa_handler = on_end };

	/* No SA_RESTART: they are to end the waiting. */
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(end_signals) / sizeof(end_signals[0]); i++)
		sigaction(end_signals[i], &sa, NULL);
	end_signal = 0;
}

static void release_ends(void)
{
	for (size_t i = 0; i < sizeof(end_signals) / sizeof(end_signals[0]); i++)
		signal(end_signals[i], SIG_DFL);
}

/*
 * Until @deadline, a key (if @keys), the pump, or a signal: whichever is first. The pump is stepped when it asks for
 * it.
 * Return: 1: there is input; 0; -EINTR: the end was asked for; -errno of the pump.
 */
static int wait_until(struct top *t, uint64_t deadline, bool keys)
{
	const struct top_pump *pump = &t->o.pump;
	struct pollfd fds[2] = { { .fd = keys ? 0 : -1, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	uint64_t now = top__now();
	int timeout = deadline > now ? (int)((deadline - now + 999999) / 1000000) : 0, err;

	if (pump->step) {
		int most = pump->timeout_ms(pump->ctx);

		fds[1].fd = pump->fd(pump->ctx);
		timeout = most >= 0 && most < timeout ? most : timeout;
	}
	if (poll(fds, 2, timeout) < 0 && errno != EINTR)
		return -errno;
	if (end_signal)
		return -EINTR;
	/* The terminal went away without a hangup. */
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		return -EINTR;
	if (pump->step) {
		err = pump->step(pump->ctx);
		if (err)
			return err;
	}
	return fds[0].revents & POLLIN ? 1 : 0;
}

/* Everything that was typed; a resize comes as a key. Return: false: quit. */
static bool press_keys(struct top *t)
{
	int key;

	while ((key = getch()) != ERR) {
		t->redraw = true;
		if (key != KEY_RESIZE && !top_keys__press(t, key, top_screen__page_lines(t)))
			return false;
	}
	return true;
}

static int run_screen(struct top *t)
{
	bool pump_ended = false;
	uint64_t next = 0;
	int err;

	for (;;) {
		if (!t->paused && !pump_ended && top__now() >= next) {
			err = top_model__look(t);
			if (err)
				return err;
			next = top__now() + t->o.interval_ns;
			t->redraw = true;
		}
		if (t->redraw)
			top_screen__draw(t);
		t->redraw = false;
		err = wait_until(t, t->paused || pump_ended ? top__now() + PAUSE_NS : next, true);
		if (err == -EINTR)
			return 0;
		/* What the pump watched has ended; the last picture stays. */
		if (err < 0) {
			t->o.pump = (struct top_pump){ 0 };
			t->ended = t->redraw = pump_ended = true;
		}
		if (!press_keys(t))
			return 0;
		/* A shorter interval counts from now. */
		if (next > top__now() + t->o.interval_ns)
			next = top__now() + t->o.interval_ns;
	}
}

int top__screen(struct top *t)
{
	int err = top_draw__open(t->o.mono);

	if (err)
		return err;
	catch_ends();
	err = run_screen(t);
	top_draw__close();
	release_ends();
	return err;
}

int top_loop__sleep(struct top *t, uint64_t until)
{
	int err = 0;

	while (!err && top__now() < until)
		err = wait_until(t, until, false);
	return err;
}

void top_loop__begin(void)
{
	catch_ends();
}

void top_loop__end(void)
{
	release_ends();
}
