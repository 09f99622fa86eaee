// SPDX-License-Identifier: GPL-2.0
/* Processes seen through /proc: ourselves, a child from a file deleted since, and everything that is no target. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "target.h"

static const char needle[] = "a word to be found";

static struct target_map *find(struct target *t, const char *path, bool exec)
{
	for (size_t i = 0; i < t->nmaps; i++)
		if (!strcmp(t->maps[i].path, path) && t->maps[i].exec == exec)
			return &t->maps[i];
	return NULL;
}

TEST(self)
{
	struct target t;
	struct stat st, opened;
	char exe[4096] = "", buf[sizeof(needle)], comm[16];
	uint32_t *tids;
	size_t n;
	int fd;

	ASSERT_LT(0, readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	ASSERT_EQ(0, stat("/proc/self/exe", &st));
	ASSERT_EQ(0, target__open(getpid(), &t));
	EXPECT_EQ((uint32_t)getpid(), t.pid);
	EXPECT_EQ(getuid(), t.uid);
	EXPECT_STREQ(exe, t.exe);
	prctl(PR_GET_NAME, comm);
	EXPECT_STREQ(comm, t.comm);
	EXPECT_FALSE(t.seccomp);
	EXPECT_FALSE(t.foreign_mnt);
	EXPECT_TRUE(target__alive(&t));

	struct target_map *m = find(&t, exe, true);

	ASSERT_NE(NULL, m);
	EXPECT_EQ(st.st_dev, m->dev);
	EXPECT_EQ(st.st_ino, m->ino);
	EXPECT_FALSE(m->deleted);
	EXPECT_FALSE(m->shared);
	fd = target__open_map(&t, m);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &opened));
	EXPECT_EQ(st.st_ino, opened.st_ino);
	close(fd);
	m->ino++;
	EXPECT_EQ(-ESTALE, target__open_map(&t, m));

	EXPECT_EQ(m, target__map_at(&t, m->start));
	EXPECT_EQ(m, target__map_at(&t, m->end - 1));
	EXPECT_NE(m, target__map_at(&t, m->end));
	EXPECT_EQ(NULL, target__map_at(&t, 0));
	EXPECT_EQ(NULL, target__map_at(&t, UINT64_MAX));

	EXPECT_EQ(0, target__read(&t, (uintptr_t)needle, buf, sizeof(buf)));
	EXPECT_STREQ(needle, buf);
	EXPECT_EQ(-EFAULT, target__read(&t, 8, buf, sizeof(buf)));

	ASSERT_EQ(0, target__threads(&t, &tids, &n));
	EXPECT_EQ(1, n);
	EXPECT_EQ((uint32_t)gettid(), tids[0]);
	free(tids);
	target__close(&t);
}

/* A read that begins in a mapped page and ends in none is not a short one. */
TEST(read_is_never_short)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct target t;
	char buf[16];

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, munmap(p + page, page));
	ASSERT_EQ(0, target__open(getpid(), &t));
	EXPECT_EQ(0, target__read(&t, (uintptr_t)p + page - 8, buf, 8));
	EXPECT_EQ(-EFAULT, target__read(&t, (uintptr_t)p + page - 8, buf, 9));
	target__close(&t);
}

static void *tell_tid(void *arg)
{
	int *fds = arg;
	uint32_t tid = gettid();
	char c;

	if (write(fds[1], &tid, sizeof(tid)) != sizeof(tid) || read(fds[2], &c, 1) != 0)
		abort();
	return NULL;
}

TEST(number_of_a_thread_means_its_process)
{
	int up[2], down[2], fds[3];
	struct target t;
	pthread_t th;
	uint32_t tid;

	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	fds[1] = up[1];
	fds[2] = down[0];
	ASSERT_EQ(0, pthread_create(&th, NULL, tell_tid, fds));
	ASSERT_EQ(sizeof(tid), read(up[0], &tid, sizeof(tid)));
	ASSERT_EQ(0, target__open(tid, &t));
	EXPECT_EQ((uint32_t)getpid(), t.pid);
	target__close(&t);
	close(down[1]);
	pthread_join(th, NULL);
}

TEST(no_targets)
{
	struct target t;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(0);
	siginfo_t si;

	/* A zombie, then nothing at all. */
	ASSERT_EQ(0, waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
	EXPECT_EQ(-ESRCH, target__open(pid, &t));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-ESRCH, target__open(pid, &t));
	EXPECT_EQ(-ESRCH, target__open(0, &t));
	EXPECT_EQ(-ESRCH, target__open(UINT32_MAX, &t));
}

TEST(kernel_thread)
{
	struct target t;
	FILE *f = fopen("/proc/2/comm", "r");
	char comm[32] = "";

	if (!f || !fgets(comm, sizeof(comm), f) || strcmp(comm, "kthreadd\n"))
		SKIP(return, "no kernel threads to be seen here");
	fclose(f);
	EXPECT_EQ(-EINVAL, target__open(2, &t));
}

/* Start a copy of sleep(1) from @path. Return: its pid, once it runs. */
static pid_t start_copy(const char *path)
{
	char cmd[256];
	int fds[2];
	pid_t pid;
	char c;

	snprintf(cmd, sizeof(cmd), "cp \"$(command -v sleep)\" '%s'", path);
	if (system(cmd) || pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, "sleep", "600", NULL);
		_exit(127);
	}
	close(fds[1]);
	/* Closed by exec. */
	if (read(fds[0], &c, 1))
		return -1;
	close(fds[0]);
	return pid;
}

TEST(deleted_executable_with_a_newline)
{
	char dir[] = "/tmp/target-XXXXXX", path[64];
	struct target t;
	struct stat st, opened;
	uint32_t *pids;
	size_t n;
	pid_t pid;
	int fd;

	if (geteuid())
		SKIP(return, "map_files wants privilege");
	ASSERT_NE(NULL, mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sl\nep (deleted)", dir);
	pid = start_copy(path);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, stat(path, &st));

	ASSERT_EQ(0, target__find_by_exe("sl\nep*", &pids, &n));
	ASSERT_EQ(1, n);
	EXPECT_EQ((uint32_t)pid, pids[0]);
	free(pids);

	ASSERT_EQ(0, unlink(path));
	ASSERT_EQ(0, target__open(pid, &t));
	EXPECT_STREQ(path, t.exe);

	struct target_map *m = find(&t, path, true);

	ASSERT_NE(NULL, m);
	EXPECT_TRUE(m->deleted);
	EXPECT_EQ(st.st_ino, m->ino);
	fd = target__open_map(&t, m);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &opened));
	EXPECT_EQ(st.st_ino, opened.st_ino);
	EXPECT_EQ(0, opened.st_nlink);
	close(fd);

	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_FALSE(target__alive(&t));
	target__close(&t);
	rmdir(dir);
}

TEST(find_by_exe)
{
	char dir[] = "/tmp/target-XXXXXX", path[64], link[64], pattern[64];
	const char *patterns[] = { path, link, pattern, "a-sleeper-of-this-test", "a-sleeper-of-thi?-test" };
	uint32_t *pids;
	size_t n;
	pid_t pid;

	ASSERT_NE(NULL, mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a-sleeper-of-this-test", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(pattern, sizeof(pattern), "%s/a-*", dir);
	ASSERT_EQ(0, symlink(path, link));
	pid = start_copy(path);
	ASSERT_LT(0, pid);
	for (size_t i = 0; i < 5; i++) {
		ASSERT_EQ(0, target__find_by_exe(patterns[i], &pids, &n));
		ASSERT_EQ(1, n);
		EXPECT_EQ((uint32_t)pid, pids[0]);
		free(pids);
	}
	ASSERT_EQ(0, target__find_by_exe("sleeper", &pids, &n));
	EXPECT_EQ(0, n);
	free(pids);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
	unlink(link);
	rmdir(dir);
}

TEST(activity_of_a_blocked_thread)
{
	int go[2], ready[2];
	struct target_activity a;
	char c;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(ready));
	pid_t pid = fork();

	if (!pid) {
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		_exit((int)read(go[0], &c, 1));
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	/* It is on its way into read(2): look until it is there. */
	do {
		ASSERT_EQ(0, target__activity(pid, pid, &a));
	} while (a.syscall != SYS_read);
	EXPECT_EQ((uint64_t)go[0], a.args[0]);
	EXPECT_EQ((uint64_t)(uintptr_t)&c, a.args[1]);
	EXPECT_EQ(1, a.args[2]);
	EXPECT_NE(0, a.pc);
	EXPECT_NE(0, a.sp);
	EXPECT_EQ(1, write(go[1], "", 1));
	waitpid(pid, NULL, 0);
	EXPECT_EQ(-ESRCH, target__activity(pid, pid, &a));
}

/* A filter on any thread counts, not only on the first. */
static void *filtered(void *arg)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { 1, &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		abort();
	return tell_tid(arg);
}

TEST(seccomp)
{
	int up[2], down[2], fds[3];
	struct target t;
	pthread_t th;
	uint32_t tid;

	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	fds[1] = up[1];
	fds[2] = down[0];
	ASSERT_EQ(0, pthread_create(&th, NULL, filtered, fds));
	ASSERT_EQ(sizeof(tid), read(up[0], &tid, sizeof(tid)));
	ASSERT_EQ(0, target__open(getpid(), &t));
	EXPECT_TRUE(t.seccomp);
	target__close(&t);
	close(down[1]);
	pthread_join(th, NULL);
}

TEST_HARNESS_MAIN
