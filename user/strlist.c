// SPDX-License-Identifier: GPL-2.0
/* Lists of strings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "strlist.h"

int strlist__add(struct strlist *l, const char *s, size_t len)
{
	char **items = realloc(l->items, (l->n + 2) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	l->items = items;
	items[l->n] = strndup(s, len);
	if (!items[l->n])
		return -ENOMEM;
	items[++l->n] = NULL;
	return 0;
}

bool strlist__has(const struct strlist *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i], s))
			return true;
	return false;
}

bool strlist__equal(const struct strlist *a, const struct strlist *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]))
			return false;
	return true;
}

void strlist__clear(struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct strlist){0};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word at *@p into @word (room for strlen(*@p) + 1). Return: its length or -EINVAL. */
static int next_word(const char **p, char *word)
{
	const char *s = *p;
	bool quoted = false;
	int len = 0;

	for (; *s && (quoted || !is_blank(*s)); s++) {
		if (*s == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *s == '\\' && (s[1] == '"' || s[1] == '\\'))
			s++;
		word[len++] = *s;
	}
	if (quoted)
		return -EINVAL;
	*p = s;
	return len;
}

int strlist__split(struct strlist *l, const char *text)
{
	char *word = malloc(strlen(text) + 1);
	size_t before = l->n;
	int err = word ? 0 : -ENOMEM;

	while (!err) {
		while (is_blank(*text))
			text++;
		if (!*text)
			break;

		int len = next_word(&text, word);

		err = len < 0 ? len : strlist__add(l, word, len);
	}
	free(word);
	if (err)
		while (l->n > before) {
			free(l->items[--l->n]);
			l->items[l->n] = NULL;
		}
	return err;
}
