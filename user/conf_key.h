/* SPDX-License-Identifier: GPL-2.0 */
/* The keys of poolwatch.conf: one table. Part of conf__read. */
#ifndef POOLWATCH_CONF_KEY_H
#define POOLWATCH_CONF_KEY_H

#include "conf.h"

enum value_type { VALUE_BOOL, VALUE_U64, VALUE_DURATION, VALUE_SIZE, VALUE_PERMILLE, VALUE_STRING, VALUE_LIST, VALUE_CHOICE, VALUE_KINDS,
	VALUE_RATE };

struct key {
	const char *section; /* says which struct the offset is into; without the NAME of "[remote NAME]" */
	const char *name;
	enum value_type type;
	size_t offset; /* into struct conf, conf_sink or conf_target */
	const char *const *choices; /* VALUE_CHOICE: the value is the index, an unsigned int */
};

/* NULL: no such key in this section (its first word only). */
const struct key *conf_key__find(const char *section, const char *name);
/* Set the field of @base (the struct that the key's section fills). Return: 0, -EINVAL, -ERANGE, -ENOMEM. */
int conf_key__set(const struct key *k, void *base, const char *text);
/* What a value must be, for messages. */
void conf_key__expected(const struct key *k, char *buf, size_t size);
/* The keys of a section, separated by blanks. Return: whether there is such a section. */
bool conf_key__list(const char *section, char *buf, size_t size);

#endif
