// SPDX-License-Identifier: GPL-2.0
/* Whose code is it? */
#include "system_path.h"
#include "kselftest_harness.h"

TEST(user)
{
	EXPECT_TRUE(system_path__is_user("/usr/bin/api", "/usr/bin/api"));
	EXPECT_TRUE(system_path__is_user("/usr/lib/postgresql/15/bin/postgres", "/usr/lib/postgresql/15/bin/postgres"));
	EXPECT_TRUE(system_path__is_user("/srv/app/libown.so", "/usr/bin/api"));
	EXPECT_TRUE(system_path__is_user("/usr/local/lib/libown.so.1", "/usr/bin/api"));
	EXPECT_TRUE(system_path__is_user("/opt/app/lib/libapp.so", "/usr/bin/api"));
	EXPECT_TRUE(system_path__is_user("/usr/lib/apache2/modules/mod_dbd.so", "/usr/sbin/apache2"));
	EXPECT_TRUE(system_path__is_user("/usr/bin/pythonic", "/usr/bin/pythonic"));
	EXPECT_TRUE(system_path__is_user("/srv/x", NULL));
}

TEST(library)
{
	EXPECT_FALSE(system_path__is_user("/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/api"));
	EXPECT_FALSE(system_path__is_user("/lib64/ld-linux-x86-64.so.2", "/usr/bin/api"));
	EXPECT_FALSE(system_path__is_user("/usr/lib/x86_64-linux-gnu/libmongoc-1.0.so.0.0.0", "/usr/bin/api"));
	EXPECT_FALSE(system_path__is_user("/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so", "/usr/bin/api"));
	EXPECT_FALSE(system_path__is_user("/usr/lib/python3.11/lib-dynload/_queue.cpython-311-x86_64-linux-gnu.so",
					  "/usr/bin/api"));
	EXPECT_FALSE(system_path__is_user("/usr/bin/python3.11", "/usr/bin/python3.11"));
	EXPECT_FALSE(system_path__is_user("/usr/bin/node", "/usr/bin/node"));
	EXPECT_FALSE(system_path__is_user("/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
					  "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"));
	EXPECT_FALSE(system_path__is_user("/root/.pyenv/versions/3.11.0/lib/libpython3.11.so.1.0", "/usr/bin/api"));
	EXPECT_FALSE(system_path__is_user("/opt/conda/lib/libstdc++.so.6", "/usr/bin/api"));
	EXPECT_FALSE(system_path__is_user("[vdso]", "/usr/bin/api"));
	EXPECT_FALSE(system_path__is_user("", "/usr/bin/api"));
}

TEST_HARNESS_MAIN
