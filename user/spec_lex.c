// SPDX-License-Identifier: GPL-2.0
/* Pool definitions as lines of words: blanks between, # to the end of the line, "..." for a word with blanks in it. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include "escape.h"
#include "spec_lex.h"

bool spec_word__is(const struct spec_word *w, const char *text)
{
	return !w->quoted && w->len == strlen(text) && !memcmp(w->text, text, w->len);
}

static bool is_end(const struct spec_lexer *lx, char c)
{
	return c == '\n' || (c == ';' && lx->semicolons);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static unsigned int column(const struct spec_lexer *lx)
{
	return (unsigned int)(lx->pos - lx->line_start) + 1;
}

static int refuse(struct spec_lexer *lx, struct spec_line *line, const char **why, const char *message)
{
	line->end = column(lx);
	*why = message;
	return -EINVAL;
}

/* Where in the word a character is that would not be shown as itself, or @w->len. */
static size_t find_hidden(const struct spec_word *w)
{
	size_t i = 0;

	while (i < w->len) {
		uint32_t c;
		size_t n = escape__decode(w->text + i, w->len - i, &c);

		if (!n || (n > 1 && escape__bytes(NULL, 0, w->text + i, n, 0) != n))
			return i;
		i += n;
	}
	return i;
}

static int next_word(struct spec_lexer *lx, struct spec_line *line, const char **why)
{
	struct spec_word w = { 0 };
	size_t start = lx->pos, hidden;

	if (line->n == SPEC_MAX_WORDS)
		return refuse(lx, line, why, "too many words on one line: repeat the statement instead");
	if (lx->text[start] == '"') {
		w.quoted = true;
		lx->pos = ++start;
		while (lx->pos < lx->len && lx->text[lx->pos] != '"') {
			if (is_control(lx->text[lx->pos]) && lx->text[lx->pos] != '\n')
				return refuse(lx, line, why, "a control character in a quoted word");
			if (lx->text[lx->pos] == '\n')
				break;
			lx->pos++;
		}
		if (lx->pos == lx->len || lx->text[lx->pos] == '\n')
			return refuse(lx, line, why, "expected a closing '\"'");
		w.len = lx->pos++ - start;
		if (!w.len) {
			lx->pos -= 2;
			return refuse(lx, line, why, "an empty word");
		}
		if (lx->pos < lx->len && !is_blank(lx->text[lx->pos]) && !is_end(lx, lx->text[lx->pos]))
			return refuse(lx, line, why, "expected a blank after the closing '\"'");
	} else {
		while (lx->pos < lx->len && !is_blank(lx->text[lx->pos]) && !is_end(lx, lx->text[lx->pos])) {
			if (is_control(lx->text[lx->pos]))
				return refuse(lx, line, why, "a control character: this is not a text file");
			lx->pos++;
		}
		w.len = lx->pos - start;
	}
	w.text = lx->text + start;
	w.column = (unsigned int)(start - lx->line_start) + 1;
	hidden = find_hidden(&w);
	if (hidden < w.len) {
		lx->pos = start + hidden;
		return refuse(lx, line, why, "an invisible character, or one that is not UTF-8");
	}
	line->words[line->n++] = w;
	line->end = column(lx);
	return 0;
}

int spec_lex__next(struct spec_lexer *lx, struct spec_line *line, const char **why)
{
	if (!lx->number)
		lx->number = 1;
	line->n = 0;
	while (lx->pos < lx->len) {
		char c = lx->text[lx->pos];

		line->number = lx->number;
		if (is_end(lx, c)) {
			lx->pos++;
			if (c == '\n') {
				lx->number++;
				lx->line_start = lx->pos;
			}
			if (line->n)
				return 1;
		} else if (is_blank(c)) {
			lx->pos++;
		} else if (c == '#') {
			while (lx->pos < lx->len && !is_end(lx, lx->text[lx->pos]))
				lx->pos++;
		} else {
			int err = next_word(lx, line, why);

			if (err)
				return err;
		}
	}
	return line->n ? 1 : 0;
}
