/* SPDX-License-Identifier: GPL-2.0 */
/* The texts of an alert. Pure. */
#ifndef POOLWATCH_ALERT_RENDER_H
#define POOLWATCH_ALERT_RENDER_H

#include "alert.h"

/* Owns the texts. */
struct alert_text {
	char *json;
	size_t json_len;
	char line[1024];
};

/* Fill in a->name, json, line from its other members. Return: 0 or -ENOMEM; the texts live as long as @t. */
int alert_render__texts(struct alert *a, struct alert_text *t);
void alert_text__clear(struct alert_text *t);

#endif
