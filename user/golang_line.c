// SPDX-License-Identifier: GPL-2.0
/* Functions and lines of a program without debugging information, by the tables that its own stack traces are made of. */
#include <errno.h>
#include <string.h>
#include "golang_int.h"

/* Of a function's record: offsets of the tables of its files and lines, and its unit's place in the table of files. */
#define RECORD_FILES 20
#define RECORD_LINES 24
#define RECORD_UNIT  32

#define MAX_STEPS 100000 /* of one table */
#define NO_FILE	  (~0u)

static uint32_t word_of(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static int read_varint(const struct golang *g, uint64_t *at, uint32_t *value)
{
	uint32_t v = 0;

	for (unsigned int shift = 0; shift < 35 && *at < g->len; shift += 7) {
		uint8_t byte = g->pcln[(*at)++];

		v |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*value = v;
			return 0;
		}
	}
	return -EINVAL;
}

/* The value at @vaddr in the table at @offset: steps of (difference of the value, zigzag; distance in code) from the function's start. */
static int table_value(const struct golang *g, uint32_t offset, uint64_t start, uint64_t vaddr, int64_t *value)
{
	uint64_t at = g->tables + offset, pc = start;
	int64_t v = -1;

	if (!offset || offset >= g->len - g->tables)
		return -ENOENT;
	for (unsigned int i = 0; i < MAX_STEPS; i++) {
		uint32_t step, distance;

		if (read_varint(g, &at, &step) || (!step && i) || read_varint(g, &at, &distance))
			return -ENOENT;
		v += step & 1 ? -(int64_t)(step >> 1) - 1 : (int64_t)(step >> 1);
		pc += (uint64_t)distance * g->quantum;
		if (vaddr < pc) {
			*value = v;
			return 0;
		}
	}
	return -ENOENT;
}

static const char *file_at(const struct golang *g, const uint8_t *record, uint64_t start, uint64_t vaddr)
{
	uint64_t unit = word_of(record + RECORD_UNIT), at;
	uint32_t name;
	int64_t n;

	if (unit == NO_FILE || table_value(g, word_of(record + RECORD_FILES), start, vaddr, &n) || n < 0)
		return NULL;
	at = g->units + (unit + (uint64_t)n) * 4;
	if (at > g->len - 4)
		return NULL;
	name = word_of(g->pcln + at);
	if (name == NO_FILE || name >= g->len - g->files || !memchr(g->pcln + g->files + name, '\0', g->len - g->files - name))
		return NULL;
	return (const char *)g->pcln + g->files + name;
}

int golang__line(const struct golang *g, uint64_t vaddr, struct golang_function *function, const char **file, uint32_t *line)
{
	const uint8_t *record;
	const char *here;
	int64_t n;
	size_t i;

	if (golang__at(g, vaddr, &i, function))
		return -ENOENT;
	record = golang__record(g, i);
	*file = file_at(g, record, function->start, function->start);
	here = file_at(g, record, function->start, vaddr);
	*line = 0;
	/* The line of what was inlined from another file is none of this function. */
	if (*file && here && !strcmp(*file, here) && !table_value(g, word_of(record + RECORD_LINES), function->start, vaddr, &n) &&
	    n > 0 && n <= INT32_MAX)
		*line = (uint32_t)n;
	return 0;
}

/* What packages of Go's own library begin with. */
static bool is_standard(const char *package, size_t len)
{
	static const char *const roots[] = {
		"archive", "bufio",	"bytes",  "cmp",     "compress", "container", "context", "crypto",  "database", "debug",
		"embed",   "encoding",	"errors", "expvar",  "flag",	 "fmt",	      "go",	 "hash",    "html",	"image",
		"index",   "internal",	"io",	  "iter",    "log",	 "maps",      "math",	 "mime",    "net",	"os",
		"path",	   "plugin",	"reflect", "regexp", "runtime",	 "slices",    "sort",	 "strconv", "strings",	"structs",
		"sync",	   "syscall",	"testing", "text",   "time",	 "unicode",   "unique",	 "vendor",  "weak",
	};
	size_t n = strcspn(package, "/.");

	if (n > len)
		n = len;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (strlen(roots[i]) == n && !memcmp(roots[i], package, n))
			return true;
	return false;
}

bool golang__is_library(const char *symbol, const char *file)
{
	size_t len = golang__package_len(symbol);

	/* The cache of modules; and with -trimpath a module's version stands in the path. */
	if (file && (strstr(file, "/pkg/mod/") || strstr(file, "@v")))
		return true;
	if (!is_standard(symbol, len))
		return false;
	/* A program's own packages may be called so, too: they lie elsewhere. */
	for (const char *at = file; at; at = strstr(at, "/src/")) {
		if (at != file)
			at += strlen("/src/");
		if (!strncmp(at, symbol, len) && at[len] == '/')
			return true;
	}
	return !file;
}
