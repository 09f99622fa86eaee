/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One thread dump of a Java virtual machine, by the attach protocol of HotSpot: a file .attach_pidN where it looks for one, a
 * SIGQUIT, then a request to the socket /tmp/.java_pidN that it opens. The machine stops its threads for the dump, some
 * milliseconds, and keeps a thread "Attach Listener" and the socket from then on: nothing here is done unasked.
 */
#ifndef POOLWATCH_JVM_ATTACH_H
#define POOLWATCH_JVM_ATTACH_H

#include <stddef.h>
#include <stdint.h>
#include "target.h"

#define JVM_ATTACH_LIMIT_NS 5000000000ull /* a machine that does not answer by then is left alone */
#define JVM_ATTACH_ERROR    200

struct jvm_attach;

/*
 * jvm_attach__start - ask for it. A child of this process does it, as the target's user, and with none of our privileges: for
 * another user's process that takes CAP_SETUID and CAP_SETGID. It is sent no SIGQUIT unless it catches that, and none at all where
 * the socket is there already. @now: CLOCK_MONOTONIC ns.
 * Return: 0; -EOPNOTSUPP: it was started so as not to be attached to; -errno with @why.
 */
int jvm_attach__start(const struct target *t, uint64_t now, struct jvm_attach **out, char why[JVM_ATTACH_ERROR]);
/* Readable when jvm_attach__step has something to do. */
int jvm_attach__fd(const struct jvm_attach *a);
/* Return: 1: the dump is there; 0: not yet; -errno with @why: there will be none. Never blocks. */
int jvm_attach__step(struct jvm_attach *a, uint64_t now, char why[JVM_ATTACH_ERROR]);
/* What came, behind the protocol's own first line. Of @a. */
const char *jvm_attach__text(const struct jvm_attach *a, size_t *len);
/* Ends the child if it still runs. */
void jvm_attach__free(struct jvm_attach *a);

#endif
