// SPDX-License-Identifier: GPL-2.0
/*
 * The definitions that come with poolwatch: found by name, and true. What a preset says of a library (its functions, the
 * offsets in its pools) is held against the library itself, in this process.
 */
#include "kselftest_harness.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "elf.h"
#include "presets.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

static int read_own(void *ctx, uint64_t addr, void *buf, size_t len)
{
	memcpy(buf, (const void *)addr, len);
	return 0;
}

TEST(all_built_in_are_definitions_of_their_name)
{
	static const char *const want[] = { "apr_reslist", "jvm-executor", "mongoc", "poco", "poco100", "qsemaphore5", "qsemaphore6", "sem", "sysv", "zdb" };
	struct presets all;
	size_t found = 0;

	ASSERT_EQ(presets__list(NULL, &all), 0);
	for (size_t i = 0; i < all.n; i++) {
		struct spec spec = { 0 };
		struct spec_error err;

		EXPECT_EQ(all.list[i].path, NULL);
		ASSERT_EQ(preset__parse(&all.list[i], &spec, &err), 0) TH_LOG("%s:%u:%u: %s", all.list[i].name, err.line, err.column, err.message);
		EXPECT_STREQ(spec.pools[0].name, all.list[i].name);
		if (i) {
			EXPECT_LT(strcmp(all.list[i - 1].name, all.list[i].name), 0);
		}
		for (size_t k = 0; k < ARRAY_LEN(want); k++)
			found += !strcmp(want[k], all.list[i].name);
		spec__clear(&spec);
	}
	EXPECT_EQ(found, ARRAY_LEN(want));
	presets__clear(&all);
}

/* --- what --pool means */

TEST(resolve)
{
	static const char text[] = "pool mine\nlib exe\nkey 0\nacquire a\nrelease b\n";
	char path[] = "/tmp/poolwatch presets-XXXXXX";
	struct spec spec = { 0 };
	struct spec_error err;
	int fd = mkstemp(path);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	close(fd);
	EXPECT_EQ(presets__resolve(&spec, "sem", &err), 0);
	EXPECT_EQ(presets__resolve(&spec, path, &err), 0);
	EXPECT_EQ(presets__resolve(&spec, "pool text;lib exe;key 0;acquire a;release b", &err), 0);
	ASSERT_EQ(spec.npools, 3);
	EXPECT_STREQ(spec.pools[0].name, "sem");
	EXPECT_STREQ(spec.pools[0].file, "sem");
	EXPECT_STREQ(spec.pools[1].name, "mine");
	EXPECT_STREQ(spec.pools[1].file, path);
	EXPECT_STREQ(spec.pools[2].name, "text");
	EXPECT_STREQ(spec.pools[2].file, "--pool");

	EXPECT_EQ(presets__resolve(&spec, "sem", &err), -EINVAL);
	EXPECT_STREQ(err.message, "pool 'sem' is defined already, at sem:3");
	spec_error__clear(&err);
	EXPECT_EQ(presets__resolve(&spec, "mongco", &err), -ENOENT);
	EXPECT_STREQ(err.message, "no preset, file or definition 'mongco': did you mean 'mongoc'?");
	EXPECT_STREQ(err.file, "--pool");
	EXPECT_EQ(err.line, 1);
	EXPECT_EQ(err.column, 1);
	spec_error__clear(&err);
	EXPECT_EQ(presets__resolve(&spec, "hikari", &err), -ENOENT);
	EXPECT_STREQ(err.message, "no preset, file or definition 'hikari': 'poolwatch presets' lists what there is");
	spec_error__clear(&err);
	EXPECT_EQ(presets__resolve(&spec, "", &err), -ENOENT);
	spec_error__clear(&err);
	EXPECT_EQ(presets__resolve(&spec, "/no/such/file.pool", &err), -ENOENT);
	EXPECT_EQ(err.line, 0);
	EXPECT_EQ(presets__resolve(&spec, "pool x; lob exe", &err), -EINVAL);
	EXPECT_EQ(err.column, 9);
	spec_error__clear(&err);
	EXPECT_EQ(spec.npools, 3);
	spec__clear(&spec);
	unlink(path);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

TEST(files_of_this_machine)
{
	static const char *const files[] = { "sem.pool", "zzz.pool", "notes.txt", ".hidden.pool", ".pool", "broken.pool" };
	char dir[] = "/tmp/poolwatch-presets-XXXXXX", path[128];
	const struct preset *sem = NULL, *zzz = NULL, *broken = NULL, *folder = NULL;
	struct presets builtin, all;
	struct spec spec = { 0 };
	struct spec_error err;

	ASSERT_NE(mkdtemp(dir), NULL);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		put_file(dir, files[i], i == 5 ? "pool broken\nlib\n" : "pool own; # x\npool2");
	put_file(dir, "zzz.pool", "pool own\nlib exe\nkey 0\nacquire a\nrelease b\n");
	snprintf(path, sizeof(path), "%s/folder.pool", dir);
	ASSERT_EQ(mkdir(path, 0700), 0);

	ASSERT_EQ(presets__list(NULL, &builtin), 0);
	ASSERT_EQ(presets__list(dir, &all), 0);
	EXPECT_EQ(all.n, builtin.n + 3);
	for (size_t i = 0; i < all.n; i++) {
		const struct preset *p = &all.list[i];

		if (i) {
			EXPECT_LT(strcmp(p[-1].name, p->name), 0);
		}
		sem = strcmp(p->name, "sem") ? sem : p;
		zzz = strcmp(p->name, "zzz") ? zzz : p;
		broken = strcmp(p->name, "broken") ? broken : p;
		folder = strcmp(p->name, "folder") ? folder : p;
	}
	/* the machine's own hides the built-in one, even if it is wrong */
	ASSERT_NE(sem, NULL);
	ASSERT_NE(sem->path, NULL);
	EXPECT_EQ(preset__parse(sem, &spec, &err), -EINVAL);
	EXPECT_STREQ(err.file, sem->path);
	spec_error__clear(&err);
	ASSERT_NE(zzz, NULL);
	EXPECT_EQ(preset__parse(zzz, &spec, &err), 0);
	EXPECT_STREQ(spec.pools[0].name, "own");
	EXPECT_STREQ(spec.pools[0].file, zzz->path);
	ASSERT_NE(broken, NULL);
	EXPECT_EQ(preset__parse(broken, &spec, &err), -EINVAL);
	EXPECT_EQ(err.line, 2);
	spec_error__clear(&err);
	ASSERT_NE(folder, NULL);
	EXPECT_EQ(folder->err, -EISDIR);
	EXPECT_EQ(preset__parse(folder, &spec, &err), -EISDIR);
	EXPECT_EQ(spec.npools, 1);
	spec__clear(&spec);
	presets__clear(&all);

	/* no such directory: nothing but the built-in ones */
	snprintf(path, sizeof(path), "%s/none", dir);
	ASSERT_EQ(presets__list(path, &all), 0);
	EXPECT_EQ(all.n, builtin.n);
	presets__clear(&all);
	presets__clear(&builtin);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/folder.pool", dir);
	rmdir(path);
	rmdir(dir);
}

/* --- presets and their libraries */

/* The preset @name, and its library loaded here. Return: the handle, or NULL if it is not installed. */
static void *load(const char *name, struct spec *spec)
{
	struct spec_error err;
	void *lib = NULL;

	spec__clear(spec);
	if (presets__resolve(spec, name, &err))
		return NULL;
	for (size_t i = 0; !lib && i < spec->pools[0].nlibs; i++)
		lib = dlopen(spec->pools[0].libs[i], RTLD_NOW | RTLD_GLOBAL);
	return lib;
}

static struct elf_file *open_elf(void *lib, char *path)
{
	struct elf_file *elf = NULL;
	struct link_map *map;
	int fd;

	if (dlinfo(lib, RTLD_DI_LINKMAP, &map) || !realpath(map->l_name, path))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (elf__open(fd, &elf))
		return NULL;
	return elf;
}

/* Do the offsets of the preset hold for the library that is installed here? */
static bool guarded(void *lib, const struct spec *spec)
{
	char path[PATH_MAX];
	struct elf_file *elf = open_elf(lib, path);

	return elf && spec_pool__guarded(&spec->pools[0], path, elf__build_id(elf));
}

static int64_t eval(const struct pw_expr *e, uint64_t key, uint64_t ret, uint64_t arg0, uint64_t arg1, uint64_t arg2, uint64_t arg3)
{
	const struct expr_env env = { .args = { arg0, arg1, arg2, arg3 }, .ret = ret, .key = key, .read = read_own };
	int64_t v = -12345;

	return expr__eval(e, &env, &v) ? -99999 : v;
}

static const struct spec_probe *probe(const struct spec *spec, const char *symbol)
{
	for (size_t i = 0; i < spec->pools[0].nprobes; i++)
		for (size_t k = 0; k < spec->pools[0].probes[i].nsymbols; k++)
			if (!strcmp(spec->pools[0].probes[i].symbols[k], symbol))
				return &spec->pools[0].probes[i];
	return NULL;
}

#define CAPACITY(key) eval(&spec.pools[0].capacity, (uint64_t)(key), 0, 0, 0, 0, 0)
#define AVAILABLE(key) eval(&spec.pools[0].available, (uint64_t)(key), 0, 0, 0, 0, 0)
#define FUNCTION(ret, name, ...) ret (*name)(__VA_ARGS__) = (ret (*)(__VA_ARGS__))dlsym(lib, #name)

FIXTURE(preset) {
	int unused;
};
FIXTURE_VARIANT(preset) {
	const char *name;
	const char *other; /* for another version of the library, of which one is installed; NULL: none */
};
FIXTURE_SETUP(preset) {}
FIXTURE_TEARDOWN(preset) {}
FIXTURE_VARIANT_ADD(preset, sem) { .name = "sem" };
FIXTURE_VARIANT_ADD(preset, sysv) { .name = "sysv" };
FIXTURE_VARIANT_ADD(preset, apr_reslist) { .name = "apr_reslist" };
FIXTURE_VARIANT_ADD(preset, mongoc) { .name = "mongoc" };
FIXTURE_VARIANT_ADD(preset, zdb) { .name = "zdb" };
FIXTURE_VARIANT_ADD(preset, qsemaphore5) { .name = "qsemaphore5" };
FIXTURE_VARIANT_ADD(preset, qsemaphore6) { .name = "qsemaphore6" };
FIXTURE_VARIANT_ADD(preset, poco) { .name = "poco", .other = "poco100" };

TEST_F(preset, functions_exist)
{
	struct spec spec = { 0 };
	void *lib = load(variant->name, &spec);
	struct elf_file *elf;
	char path[PATH_MAX];

	ASSERT_EQ(spec.npools, 1);
	if (!lib && variant->other)
		lib = load(variant->other, &spec);
	ASSERT_NE(lib, NULL) TH_LOG("%s is not installed", spec.pools[0].libs[0]);
	elf = open_elf(lib, path);
	ASSERT_NE(elf, NULL);
	for (size_t i = 0; i < spec.pools[0].nprobes; i++) {
		for (size_t k = 0; k < spec.pools[0].probes[i].nsymbols; k++) {
			struct elf_symbol *found;
			size_t n;

			ASSERT_EQ(elf__find(elf, spec.pools[0].probes[i].symbols[k], &found, &n), 0)
				TH_LOG("%s in %s", spec.pools[0].probes[i].symbols[k], path);
			EXPECT_EQ(n, 1);
			elf_symbol__free(found, n);
		}
	}
	elf__close(elf);
	spec__clear(&spec);
}

TEST(sem)
{
	struct spec spec = { 0 };
	const struct spec_probe *p;
	sem_t sem;

	ASSERT_NE(load("sem", &spec), NULL);
	ASSERT_EQ(sem_init(&sem, 0, 4), 0);
	EXPECT_EQ(AVAILABLE(&sem), 4);
	ASSERT_EQ(sem_wait(&sem), 0);
	EXPECT_EQ(AVAILABLE(&sem), 3);
	ASSERT_EQ(sem_post(&sem), 0);
	EXPECT_EQ(AVAILABLE(&sem), 4);
	p = probe(&spec, "sem_trywait");
	EXPECT_EQ(eval(&p->ok, 0, (uint64_t)-1, 0, 0, 0, 0), 0);
	EXPECT_EQ(eval(&p->ok, 0, 0xffffffff00000000ull, 0, 0, 0, 0), 1);
	p = probe(&spec, "sem_init");
	EXPECT_EQ(eval(&p->capacity, 0, 0, (uint64_t)&sem, 0, 0xabcd00000004ull, 0), 4);
	/* a named one: its value is known only to who surely made it */
	p = probe(&spec, "sem_open");
	EXPECT_EQ(eval(&p->key, 0, 0x1000, 0, 0, 0, 0), 0x1000);
	EXPECT_EQ(eval(&p->capacity, 0x1000, 0x1000, 0, O_CREAT | O_EXCL, 0600, 4), 4);
	EXPECT_EQ(eval(&p->ok, 0x1000, 0x1000, 0, O_CREAT | O_EXCL, 0600, 4), 1);
	EXPECT_EQ(eval(&p->ok, 0, 0, 0, O_CREAT | O_EXCL, 0600, 4), 0);
	EXPECT_EQ(eval(&p->ok, 0x1000, 0x1000, 0, O_CREAT, 0600, 4), 0);
	EXPECT_EQ(eval(&p->ok, 0x1000, 0x1000, 0, 0, 0, 0), 0);
	spec__clear(&spec);
}

static int make_resource(void **resource, void *params, void *pool)
{
	*resource = malloc(1);
	return 0;
}

static int end_resource(void *resource, void *params, void *pool)
{
	free(resource);
	return 0;
}

TEST(apr_reslist)
{
	struct spec spec = { 0 };
	void *lib = load("apr_reslist", &spec), *pool = NULL, *list = NULL, *res = NULL;
	const struct spec_probe *p;

	ASSERT_NE(lib, NULL);
	FUNCTION(int, apr_initialize, void);
	FUNCTION(int, apr_pool_create_ex, void **, void *, void *, void *);
	FUNCTION(int, apr_reslist_create, void **, int, int, int, long, int (*)(void **, void *, void *), int (*)(void *, void *, void *), void *, void *);
	FUNCTION(int, apr_reslist_acquire, void *, void **);
	FUNCTION(int, apr_reslist_release, void *, void *);
	FUNCTION(int, apr_reslist_invalidate, void *, void *);
	ASSERT_EQ(apr_initialize(), 0);
	ASSERT_EQ(apr_pool_create_ex(&pool, NULL, NULL, NULL), 0);
	ASSERT_EQ(apr_reslist_create(&list, 0, 2, 4, 0, make_resource, end_resource, NULL, pool), 0);
	p = probe(&spec, "apr_reslist_create");
	EXPECT_EQ(eval(&p->key, 0, 0, (uint64_t)&list, 0, 0, 0), (int64_t)list);
	EXPECT_EQ(eval(&p->capacity, 0, 0, (uint64_t)&list, 0, 2, 0xabcd00000004ull), 4);
	ASSERT_TRUE(guarded(lib, &spec));
	EXPECT_EQ(CAPACITY(list), 4);
	EXPECT_EQ(AVAILABLE(list), 4);
	ASSERT_EQ(apr_reslist_acquire(list, &res), 0);
	EXPECT_EQ(AVAILABLE(list), 3);
	p = probe(&spec, "apr_reslist_acquire");
	EXPECT_EQ(eval(&p->resource, 0, 0, (uint64_t)list, (uint64_t)&res, 0, 0), (int64_t)res);
	EXPECT_EQ(eval(&p->ok, 0, 0, 0, 0, 0, 0), 1);
	EXPECT_EQ(eval(&p->ok, 0, 70007, 0, 0, 0, 0), 0);
	p = probe(&spec, "apr_reslist_release");
	EXPECT_EQ(eval(&p->resource, 0, 0, (uint64_t)list, (uint64_t)res, 0, 0), (int64_t)res);
	ASSERT_EQ(apr_reslist_release(list, res), 0);
	EXPECT_EQ(AVAILABLE(list), 4);
	ASSERT_EQ(apr_reslist_acquire(list, &res), 0);
	EXPECT_EQ(AVAILABLE(list), 3);
	ASSERT_EQ(apr_reslist_invalidate(list, res), 0);
	EXPECT_EQ(AVAILABLE(list), 4);
	EXPECT_EQ(CAPACITY(list), 4);
}

TEST(mongoc)
{
	struct spec spec = { 0 };
	void *lib = load("mongoc", &spec), *pool, *client;

	ASSERT_NE(lib, NULL);
	ASSERT_TRUE(guarded(lib, &spec));
	FUNCTION(void, mongoc_init, void);
	FUNCTION(void *, mongoc_uri_new, const char *);
	FUNCTION(void *, mongoc_client_pool_new, void *);
	FUNCTION(void *, mongoc_client_pool_try_pop, void *);
	FUNCTION(void, mongoc_client_pool_push, void *, void *);
	FUNCTION(void, mongoc_client_pool_max_size, void *, unsigned int);
	mongoc_init();
	pool = mongoc_client_pool_new(mongoc_uri_new("mongodb://127.0.0.1:1/?maxPoolSize=4"));
	ASSERT_NE(pool, NULL);
	EXPECT_EQ(CAPACITY(pool), 4);
	EXPECT_EQ(AVAILABLE(pool), 4);
	client = mongoc_client_pool_try_pop(pool);
	ASSERT_NE(client, NULL);
	EXPECT_EQ(AVAILABLE(pool), 3);
	mongoc_client_pool_push(pool, client);
	EXPECT_EQ(AVAILABLE(pool), 4);
	mongoc_client_pool_max_size(pool, 6);
	EXPECT_EQ(CAPACITY(pool), 6);
	EXPECT_EQ(eval(&probe(&spec, "mongoc_client_pool_max_size")->capacity, 0, 0, (uint64_t)pool, 0xabcd00000006ull, 0, 0), 6);
}

TEST(zdb)
{
	struct spec spec = { 0 };
	void *lib = load("zdb", &spec), *pool;

	ASSERT_NE(lib, NULL);
	ASSERT_TRUE(guarded(lib, &spec));
	FUNCTION(void *, URL_new, const char *);
	FUNCTION(void *, ConnectionPool_new, void *);
	FUNCTION(void, ConnectionPool_setMaxConnections, void *, int);
	pool = ConnectionPool_new(URL_new("sqlite:///tmp/none.db"));
	ASSERT_NE(pool, NULL);
	EXPECT_EQ(CAPACITY(pool), 20);
	ConnectionPool_setMaxConnections(pool, 7);
	EXPECT_EQ(CAPACITY(pool), 7);
	EXPECT_EQ(eval(&probe(&spec, "ConnectionPool_setMaxConnections")->capacity, 0, 0, (uint64_t)pool, 7, 0, 0), 7);
	EXPECT_EQ(eval(&probe(&spec, "ConnectionPool_free")->key, 0, 0, (uint64_t)&pool, 0, 0, 0), (int64_t)pool);
}

FIXTURE(qsemaphore) {
	uint64_t sem[4];
};
FIXTURE_VARIANT(qsemaphore) {
	const char *name;
	bool delegates; /* tryAcquire without a timeout calls acquire, which counts */
};
FIXTURE_SETUP(qsemaphore) {}
FIXTURE_TEARDOWN(qsemaphore) {}
FIXTURE_VARIANT_ADD(qsemaphore, qt5) { .name = "qsemaphore5" };
FIXTURE_VARIANT_ADD(qsemaphore, qt6) { .name = "qsemaphore6", .delegates = true };

TEST_F(qsemaphore, values)
{
	struct spec spec = { 0 };
	void *lib = load(variant->name, &spec), *sem = self->sem;
	const struct spec_probe *p;
	uint64_t ret;

	ASSERT_NE(lib, NULL);
	FUNCTION(void, _ZN10QSemaphoreC1Ei, void *, int);
	FUNCTION(void, _ZN10QSemaphore7acquireEi, void *, int);
	FUNCTION(uint64_t, _ZN10QSemaphore10tryAcquireEi, void *, int);
	FUNCTION(uint64_t, _ZN10QSemaphore10tryAcquireEii, void *, int, int);
	FUNCTION(void, _ZN10QSemaphore7releaseEi, void *, int);
	_ZN10QSemaphoreC1Ei(sem, 4);
	EXPECT_EQ(AVAILABLE(sem), 4);
	EXPECT_EQ(eval(&probe(&spec, "_ZN10QSemaphoreC1Ei")->capacity, 0, 0, (uint64_t)sem, 4, 0, 0), 4);
	_ZN10QSemaphore7acquireEi(sem, 3);
	EXPECT_EQ(AVAILABLE(sem), 1);
	p = probe(&spec, "_ZN10QSemaphore7acquireEi");
	EXPECT_EQ(eval(&p->count, 0, 0, (uint64_t)sem, 0xabcd00000003ull, 0, 0), 3);
	p = probe(&spec, "_ZN10QSemaphore10tryAcquireEi");
	ret = _ZN10QSemaphore10tryAcquireEi(sem, 2);
	EXPECT_EQ(eval(&p->ok, 0, ret, (uint64_t)sem, 2, 0, 0), 0);
	ret = _ZN10QSemaphore10tryAcquireEi(sem, 1);
	EXPECT_NE(eval(&p->ok, 0, ret, (uint64_t)sem, 1, 0, 0), 0);
	p = probe(&spec, "_ZN10QSemaphore10tryAcquireEii");
	ret = _ZN10QSemaphore10tryAcquireEii(sem, 1, 1);
	EXPECT_EQ(eval(&p->ok, 0, ret, (uint64_t)sem, 1, 1, 0), 0);
	EXPECT_EQ(AVAILABLE(sem), 0);
	_ZN10QSemaphore7releaseEi(sem, 3);
	EXPECT_EQ(AVAILABLE(sem), 3);
	ret = _ZN10QSemaphore10tryAcquireEii(sem, 1, 1);
	EXPECT_NE(eval(&p->ok, 0, ret, (uint64_t)sem, 1, 1, 0), 0);
	ret = _ZN10QSemaphore10tryAcquireEii(sem, 1, -1);
	EXPECT_EQ(eval(&p->ok, 0, ret, (uint64_t)sem, 1, (uint32_t)-1, 0) != 0, !variant->delegates);
	EXPECT_EQ(AVAILABLE(sem), 1);
}

TEST_HARNESS_MAIN
