// SPDX-License-Identifier: GPL-2.0
/*
 * A library of another version than a preset's offsets are known of: a copy of the real one with another build-id, or with
 * another version in its name. That is said, and what would be read at those offsets is learned instead, which proves less.
 */
#include <kselftest_harness.h>
#include "elf.h"
#include "follow.h"

#define DIR ".output/selftests/presets/"
#define LIBRARIES "/usr/lib/x86_64-linux-gnu/"

FIXTURE(version)
{
	struct follow f;
	char dir[64];
};

FIXTURE_VARIANT(version)
{
	const char *program, *pool;
	const char *soname;
	const char *name;    /* of the copy's file, which has the version */
	bool build_id;	     /* the copy has another one */
	const char *learned; /* what is said of it; NULL: nothing, it is known */
};

#define ZDB .program = DIR "pool_zdb", .pool = "zdb", .soname = "libzdb.so.11"
#define MONGOC .program = DIR "pool_mongoc", .pool = "mongoc", .soname = "libmongoc-1.0.so.0", .name = "libmongoc-1.0.so.0.0.0"
#define LEARNED " is not a version that the definition knows (it knows "

FIXTURE_VARIANT_ADD(version, known) { ZDB, .name = "libzdb.so.11.0.0" };
FIXTURE_VARIANT_ADD(version, another)
{
	ZDB, .name = "libzdb.so.11.9.9", .learned = "libzdb.so.11.9.9" LEARNED "version 11.0.0): its capacity is learned",
};
FIXTURE_VARIANT_ADD(version, soname_only)
{
	ZDB, .name = "libzdb.so.11", .learned = "libzdb.so.11" LEARNED "version 11.0.0): its capacity is learned",
};
FIXTURE_VARIANT_ADD(version, none_in_the_name)
{
	ZDB, .name = "libzdb.so", .learned = "libzdb.so without a version in its name" LEARNED "version 11.0.0): its capacity is learned",
};
FIXTURE_VARIANT_ADD(version, known_build_id) { MONGOC };
FIXTURE_VARIANT_ADD(version, another_build_id)
{
	MONGOC, .build_id = true,
	.learned = "libmongoc-1.0.so.0.0.0 of build-id a86bc3283aef" LEARNED "build-id a96bc3283aef): its capacity is learned",
};

/* The whole file, to free. */
static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *buf = NULL;

	if (f && !fseek(f, 0, SEEK_END) && (*len = (size_t)ftell(f)) && (buf = malloc(*len))) {
		rewind(f);
		if (fread(buf, 1, *len, f) != *len) {
			free(buf);
			buf = NULL;
		}
	}
	if (f)
		fclose(f);
	return buf;
}

/* Another build-id into the file's bytes, wherever it has it. */
static bool change_build_id(const char *path, char *bytes, size_t len)
{
	unsigned char id[64];
	struct elf_file *elf;
	const char *hex;
	size_t n = 0;
	char *at;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || elf__open(fd, &elf))
		return false;
	hex = elf__build_id(elf);
	while (hex && n < sizeof(id) && sscanf(hex + 2 * n, "%2hhx", &id[n]) == 1)
		n++;
	elf__close(elf);
	close(fd);
	at = n ? memmem(bytes, len, id, n) : NULL;
	if (at)
		at[0] ^= 1;
	return at;
}

/* The library's copy into the directory, and a link by its soname to it. */
static bool install(const char *dir, const FIXTURE_VARIANT(version) *v)
{
	char from[128], to[160], link[160];
	size_t len = 0;
	char *bytes;
	FILE *f;
	bool ok;

	snprintf(from, sizeof(from), LIBRARIES "%s", v->soname);
	snprintf(to, sizeof(to), "%s/%s", dir, v->name);
	snprintf(link, sizeof(link), "%s/%s", dir, v->soname);
	bytes = read_file(from, &len);
	ok = bytes && (!v->build_id || change_build_id(from, bytes, len));
	f = ok ? fopen(to, "we") : NULL;
	ok = f && fwrite(bytes, 1, len, f) == len;
	if (f)
		ok = !fclose(f) && ok;
	free(bytes);
	return ok && (!strcmp(v->name, v->soname) || !symlink(v->name, link));
}

FIXTURE_SETUP(version)
{
	char *argv[] = { (char *)variant->program, NULL };

	strcpy(self->dir, "/tmp/poolwatch-version-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_TRUE(install(self->dir, variant));
	ASSERT_EQ(0, setenv("LD_LIBRARY_PATH", self->dir, 1));
	ASSERT_EQ(0, follow__start(&self->f, argv));
	ASSERT_EQ(0, unsetenv("LD_LIBRARY_PATH"));
	ASSERT_TRUE(follow__before(&self->f, "setup"));
}

FIXTURE_TEARDOWN(version)
{
	char path[160];

	follow__end(&self->f);
	snprintf(path, sizeof(path), "%s/%s", self->dir, variant->name);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", self->dir, variant->soname);
	unlink(path);
	rmdir(self->dir);
}

/* The line of "presets -p" about the preset. */
static bool says(pid_t pid, const char *pool, char *line, int size)
{
	size_t len = strlen(pool);
	char command[64];
	bool found = false;
	FILE *f;

	snprintf(command, sizeof(command), ".output/poolwatch presets -p %d", pid);
	f = popen(command, "re");
	if (!f)
		return false;
	while (!found && fgets(line, size, f))
		found = !strncmp(line, pool, len) && line[len] == ' ';
	/* To the end, or it could not write the rest. */
	while (fgetc(f) != EOF)
		;
	return !pclose(f) && found;
}

/* How often the watch said @line of the pool. */
static int times_told(const struct follow *f, const char *pool, const char *line)
{
	const char *at = f->notices;
	char whole[400];
	int n = 0;

	snprintf(whole, sizeof(whole), "process %d, pool '%s': %s\n", f->pid, pool, line);
	for (; (at = strstr(at, whole)); at += strlen(whole))
		n++;
	return n;
}

TEST_F(version, that_is_not_known_is_said_and_its_capacity_learned)
{
	struct follow *f = &self->f;
	const struct followed *s;
	char line[512] = "";

	f->stall_ns = 100000000;
	ASSERT_TRUE(says(f->pid, variant->pool, line, sizeof(line)));
	EXPECT_EQ(!variant->learned, !strstr(line, "is learned")) TH_LOG("%s", line);
	EXPECT_NE(NULL, strstr(line, variant->learned ?: variant->name)) TH_LOG("%s", line);
	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	EXPECT_EQ(!!variant->learned, times_told(f, variant->pool, variant->learned ?: "")) TH_LOG("%s", f->notices);
	EXPECT_EQ(!variant->learned, !strstr(f->notices, "learned")) TH_LOG("%s", f->notices);
	ASSERT_TRUE(follow__do(f, "flat"));
	ASSERT_EQ(0, f->nfound);
	if (!variant->learned) {
		ASSERT_NE(NULL, follow__stuck(f, "nest"));
		return;
	}
	follow__tell(f, "nest");
	ASSERT_TRUE(follow__until(f, NULL, 0, FINDING_STALL));
	s = follow__find(f, FINDING_STALL, FINDING_NEW);
	EXPECT_STREQ(variant->pool, s->pool);
	EXPECT_EQ(4, s->in_use);
	EXPECT_EQ(4, s->waiters);
	EXPECT_EQ(NULL, follow__find(f, FINDING_DEADLOCK, FINDING_NEW));
}

TEST_HARNESS_MAIN
