// SPDX-License-Identifier: GPL-2.0
/*
 * hide DIR PROGRAM [DEBUG BUILD-ID]: run a copy of PROGRAM that nobody outside can see: in a mount namespace of its own, with
 * an empty file system over DIR, as DIR/hidden. Its debug file goes to DIR/debug.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);
	ssize_t n;

	if (in < 0 || out < 0)
		err(1, "%s", in < 0 ? from : to);
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	if (n < 0)
		err(1, "%s", to);
	close(in);
	close(out);
}

static void make(const char *dir)
{
	if (mkdir(dir, 0755))
		err(1, "%s", dir);
}

int main(int argc, char **argv)
{
	char path[400];

	if ((argc != 3 && argc != 5) || strlen(argv[1]) > 100)
		errx(2, "usage: hide DIR PROGRAM [DEBUG BUILD-ID]");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", argv[1], "tmpfs", 0, NULL))
		err(1, "%s", argv[1]);
	if (argc == 5 && strlen(argv[4]) < 100) {
		snprintf(path, sizeof(path), "%s/debug", argv[1]);
		make(path);
		strcat(path, "/.build-id");
		make(path);
		sprintf(path + strlen(path), "/%.2s", argv[4]);
		make(path);
		sprintf(path + strlen(path), "/%s.debug", argv[4] + 2);
		copy(argv[3], path);
	}
	snprintf(path, sizeof(path), "%s/hidden", argv[1]);
	copy(argv[2], path);
	execl(path, path, NULL);
	err(1, "%s", path);
}
