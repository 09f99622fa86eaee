// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzz target without a fuzzer, for `make test`: every file of its corpus (CORPUS, a folder), each cut short at every
 * length, and with bytes replaced by a generator that always starts the same. One TAP result a file.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

#define INPUT_MAX 65536
#define MUTATIONS 2000

static uint64_t state;

static uint32_t rnd(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33);
}

/* In memory of just that size, so that a read behind the end is seen. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ?: 1);

	FUZZ_CHECK(copy);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void replay(const uint8_t *data, size_t size)
{
	static uint8_t changed[INPUT_MAX];
	size_t step = size / 2000 + 1;

	state = 1;
	run(data, size);
	for (size_t n = 0; n < size; n += step)
		run(data, n);
	for (unsigned int i = 0; size && i < MUTATIONS; i++) {
		size_t from, to, n;

		memcpy(changed, data, size);
		switch (rnd() % 3) {
		case 0: /* another byte */
			changed[rnd() % size] = (uint8_t)rnd();
			break;
		case 1: /* a byte from elsewhere in the file */
			changed[rnd() % size] = data[rnd() % size];
			break;
		default: /* a piece moved */
			from = rnd() % size;
			to = rnd() % size;
			n = rnd() % 16;
			n = n < size - from ? n : size - from;
			n = n < size - to ? n : size - to;
			memmove(changed + to, data + from, n);
		}
		run(changed, size);
	}
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(void)
{
	static uint8_t data[INPUT_MAX];
	struct dirent **files;
	int n = scandir(CORPUS, &files, not_hidden, alphasort);

	printf("TAP version 13\n1..%d\n", n > 0 ? n : 1);
	if (n <= 0)
		printf("not ok 1 %s has no files: run from the top of the sources\n", CORPUS);
	for (int i = 0; i < n; i++) {
		char path[512];
		size_t size;
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", CORPUS, files[i]->d_name);
		f = fopen(path, "r");
		FUZZ_CHECK(f);
		size = fread(data, 1, sizeof(data), f);
		fclose(f);
		/* Named before, so that the last line tells which input it died of. */
		printf("# %s\n", files[i]->d_name);
		fflush(stdout);
		replay(data, size);
		printf("ok %d %s\n", i + 1, files[i]->d_name);
		free(files[i]);
	}
	if (n >= 0)
		free(files);
	return n > 0 ? 0 : 1;
}
