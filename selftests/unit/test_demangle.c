// SPDX-License-Identifier: GPL-2.0
/* Readable names, and names made to unfold without end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "demangle.h"
#include "kselftest_harness.h"

#define EXPECT_NAME(mangled, params, want)                                                                                 \
	do {                                                                                                               \
		char *got = NULL;                                                                                          \
		EXPECT_EQ(0, demangle__name(mangled, params, &got));                                                       \
		ASSERT_NE(NULL, got);                                                                                      \
		EXPECT_STREQ(want, got);                                                                                   \
		free(got);                                                                                                 \
	} while (0)

#define EXPECT_NO_NAME(err, mangled)                                                                                       \
	do {                                                                                                               \
		char *got = (char *)"untouched";                                                                           \
		EXPECT_EQ(err, demangle__name(mangled, true, &got));                                                       \
		EXPECT_STREQ("untouched", got);                                                                            \
	} while (0)

TEST(cxx)
{
	EXPECT_NAME("_ZN4Poco10ObjectPoolIiE12borrowObjectEl", true, "Poco::ObjectPool<int>::borrowObject(long)");
	EXPECT_NAME("_ZN4Poco10ObjectPoolIiE12borrowObjectEl", false, "Poco::ObjectPool<int>::borrowObject");
	EXPECT_NAME("_ZN10QSemaphore7acquireEi", false, "QSemaphore::acquire");
	EXPECT_NAME("_ZNSt6vectorIiSaIiEE9push_backERKi", true, "std::vector<int, std::allocator<int> >::push_back(int const&)");
	EXPECT_NAME("_ZN3app5fetchEv.isra.0", false, "app::fetch");
}

TEST(rust)
{
	EXPECT_NAME("_ZN4pool7acquire17h0123456789abcdefE", false, "pool::acquire");
	EXPECT_NAME("_RNvCs1234_7mycrate3foo", false, "mycrate::foo");
	EXPECT_NAME("_RNvMC7mycrateNtB2_4Pool7acquire", false, "<mycrate::Pool>::acquire");
}

TEST(not_mangled)
{
	EXPECT_NO_NAME(-ENOENT, "sem_wait");
	EXPECT_NO_NAME(-ENOENT, "");
	EXPECT_NO_NAME(-ENOENT, "_");
	EXPECT_NO_NAME(-ENOENT, "_Z");
	EXPECT_NO_NAME(-ENOENT, "_R");
	EXPECT_NO_NAME(-ENOENT, "_Zgarbage");
	EXPECT_NO_NAME(-ENOENT, "_RNvC7mycrateu8gdel_5qa"); /* with an identifier beyond ASCII */
}

/* a<b,b> with b = a<c,c> and so on: each level refers to the one before twice, so the text doubles with each. */
TEST(unfolds_without_end)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[DEMANGLE_MAX_IN], *p = name;

	/* void f(a, a<S_,S_>, ...): S_ is a, S<n>_ the types after it */
	p = stpcpy(p, "_Z1f1aS_IS_S_E");
	for (int i = 0; i < 34; i++)
		p += sprintf(p, "S_IS%c_S%c_E", digits[i], digits[i]);
	EXPECT_NO_NAME(-E2BIG, name);
}

TEST(rust_unfolds_without_end)
{
	/* ((((T,T),(T,T)),...): tuples of back references, each twice to the tuple before */
	char name[DEMANGLE_MAX_IN], *p = name;
	int last;

	p = stpcpy(p, "_RINvC1a1f");
	last = (int)(p - name) - 2;
	p = stpcpy(p, "Tmme"), p[-1] = 'E';
	for (int i = 0; i < 20; i++) {
		static const char d62[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
		char ref[8];
		int v = last - 1;

		if (v < 62)
			sprintf(ref, "B%c_", d62[v]);
		else
			sprintf(ref, "B%c%c_", d62[v / 62], d62[v % 62]);
		last = (int)(p - name) - 2;
		p += sprintf(p, "T%s%sE", ref, ref);
	}
	strcpy(p, "E");
	EXPECT_NO_NAME(-E2BIG, name);
}

/* A binder of billions of lifetimes. */
TEST(rust_lifetimes_without_end)
{
	EXPECT_NO_NAME(-E2BIG, "_RINvC1a1fFGmmmmm_uEuE");
}

TEST(too_long)
{
	char name[DEMANGLE_MAX_IN + 100];

	memset(name, 'a', sizeof(name));
	memcpy(name, "_Z999", 5);
	name[sizeof(name) - 1] = 0;
	EXPECT_NO_NAME(-E2BIG, name);
}

TEST_HARNESS_MAIN
