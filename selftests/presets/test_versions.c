// SPDX-License-Identifier: GPL-2.0
/*
 * A library of another version than a preset's offsets are known of: a copy of the real one with another build-id, or with
 * another version in its name. That is said, and what would be read at those offsets is learned instead, which proves less.
 */
#include <kselftest_harness.h>
#include <limits.h>
#include "elf.h"
#include "follow.h"

#define DIR ".output/selftests/presets/"
#define LIBRARIES "/usr/lib/x86_64-linux-gnu/"

/* Each is one of several that its preset knows, as it is installed here. */
static const struct library {
	const char *program, *pool;
	const char *soname[3]; /* of which one is there */
} zdb = { DIR "pool_zdb", "zdb", { "libzdb.so.11", "libzdb.so.16" } },
  mongoc = { DIR "pool_mongoc", "mongoc", { "libmongoc-1.0.so.0" } };

/* The version in the name of the copy's file. */
enum version { ITS_OWN, ANOTHER, SONAME_ONLY, NONE };

FIXTURE(version)
{
	struct follow f;
	char dir[64];
	const char *soname;
	char original[PATH_MAX];
	char name[64];	   /* of the copy's file */
	char learned[300]; /* what is said of it; empty: nothing, it is known */
};

FIXTURE_VARIANT(version)
{
	const struct library *library;
	enum version version;
	bool build_id; /* the copy has another one */
	const char *knows; /* the versions that the definition knows; NULL: this one, too */
};

#define ZDB_KNOWS "version 11.0.0, version 16.0.0"

FIXTURE_VARIANT_ADD(version, known) { &zdb };
FIXTURE_VARIANT_ADD(version, another) { &zdb, ANOTHER, .knows = ZDB_KNOWS };
FIXTURE_VARIANT_ADD(version, soname_only) { &zdb, SONAME_ONLY, .knows = ZDB_KNOWS };
FIXTURE_VARIANT_ADD(version, none_in_the_name) { &zdb, NONE, .knows = ZDB_KNOWS };
FIXTURE_VARIANT_ADD(version, known_build_id) { &mongoc };
FIXTURE_VARIANT_ADD(version, another_build_id)
{
	&mongoc, .build_id = true, .knows = "build-id a96bc3283aef, build-id d0af50a8217d"
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

/* Another build-id into the file's bytes, wherever it has it; its first digits in @told. */
static bool change_build_id(const char *path, char *bytes, size_t len, char told[13])
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
	if (!at)
		return false;
	at[0] ^= 1;
	for (int i = 0; i < 6; i++)
		sprintf(told + 2 * i, "%02hhx", (unsigned char)at[i]);
	return true;
}

/* What is installed, and what the copy is called. */
static bool find_library(FIXTURE_DATA(version) *self, const FIXTURE_VARIANT(version) *v)
{
	static const char *const suffix[] = { [ANOTHER] = ".9.9", [SONAME_ONLY] = "" };
	char path[128];

	for (int i = 0; v->library->soname[i]; i++) {
		self->soname = v->library->soname[i];
		snprintf(path, sizeof(path), LIBRARIES "%s", self->soname);
		if (!realpath(path, self->original))
			continue;
		if (v->version == ITS_OWN)
			snprintf(self->name, sizeof(self->name), "%s", strrchr(self->original, '/') + 1);
		else if (v->version == NONE)
			snprintf(self->name, sizeof(self->name), "%.*s", (int)(strstr(self->soname, ".so") + 3 - self->soname), self->soname);
		else
			snprintf(self->name, sizeof(self->name), "%s%s", self->soname, suffix[v->version]);
		return true;
	}
	return false;
}

/* The library's copy into the directory, and a link by its soname to it. */
static bool install(FIXTURE_DATA(version) *self, const FIXTURE_VARIANT(version) *v)
{
	char to[160], link[160], id[13] = "";
	size_t len = 0;
	char *bytes;
	FILE *f;
	bool ok;

	snprintf(to, sizeof(to), "%s/%s", self->dir, self->name);
	snprintf(link, sizeof(link), "%s/%s", self->dir, self->soname);
	bytes = read_file(self->original, &len);
	ok = bytes && (!v->build_id || change_build_id(self->original, bytes, len, id));
	f = ok ? fopen(to, "we") : NULL;
	ok = f && fwrite(bytes, 1, len, f) == len;
	if (f)
		ok = !fclose(f) && ok;
	free(bytes);
	if (v->knows)
		snprintf(self->learned, sizeof(self->learned),
			 "%s%s%s is not a version that the definition knows (it knows %s): its capacity is learned", self->name,
			 v->build_id ? " of build-id " : v->version == NONE ? " without a version in its name" : "", id, v->knows);
	return ok && (!strcmp(self->name, self->soname) || !symlink(self->name, link));
}

FIXTURE_SETUP(version)
{
	char *argv[] = { (char *)variant->library->program, NULL };

	strcpy(self->dir, "/tmp/poolwatch-version-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	self->learned[0] = '\0';
	ASSERT_TRUE(find_library(self, variant));
	ASSERT_TRUE(install(self, variant));
	ASSERT_EQ(0, setenv("LD_LIBRARY_PATH", self->dir, 1));
	ASSERT_EQ(0, follow__start(&self->f, argv));
	ASSERT_EQ(0, unsetenv("LD_LIBRARY_PATH"));
	ASSERT_TRUE(follow__before(&self->f, "setup"));
}

FIXTURE_TEARDOWN(version)
{
	char path[160];

	follow__end(&self->f);
	snprintf(path, sizeof(path), "%s/%s", self->dir, self->name);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", self->dir, self->soname);
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
	const char *pool = variant->library->pool;
	struct follow *f = &self->f;
	bool known = !variant->knows;
	const struct followed *s;
	char line[512] = "";

	f->stall_ns = 100000000;
	ASSERT_TRUE(says(f->pid, pool, line, sizeof(line)));
	EXPECT_EQ(known, !strstr(line, "is learned")) TH_LOG("%s", line);
	EXPECT_NE(NULL, strstr(line, known ? self->name : self->learned)) TH_LOG("%s", line);
	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	EXPECT_EQ(known ? 0 : 1, times_told(f, pool, self->learned)) TH_LOG("%s", f->notices);
	EXPECT_EQ(known, !strstr(f->notices, "learned")) TH_LOG("%s", f->notices);
	ASSERT_TRUE(follow__do(f, "flat"));
	ASSERT_EQ(0, f->nfound);
	if (known) {
		ASSERT_NE(NULL, follow__stuck(f, "nest"));
		return;
	}
	follow__tell(f, "nest");
	ASSERT_TRUE(follow__until(f, NULL, 0, FINDING_STALL));
	s = follow__find(f, FINDING_STALL, FINDING_NEW);
	EXPECT_STREQ(pool, s->pool);
	EXPECT_EQ(4, s->in_use);
	EXPECT_EQ(4, s->waiters);
	EXPECT_EQ(NULL, follow__find(f, FINDING_DEADLOCK, FINDING_NEW));
}

TEST_HARNESS_MAIN
