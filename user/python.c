// SPDX-License-Identifier: GPL-2.0
/* Finding the interpreter of a process, and proof that its layout is the one we think it is. */
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "python.h"

#define COOKIE "xdebugpy"
#define MAX_INTERPRETERS 64
#define MAX_THREADS 10000

static const char *const symbols[] = { "_PyRuntime", "Py_Version", "_Py_NoneStruct", "PyCode_Type", "_Py_FalseStruct" };
enum { SYM_RUNTIME, SYM_VERSION, SYM_NONE, SYM_CODE, SYM_FALSE, SYMS };

#define MAJOR_MINOR(v) ((v) >> 16)

/* Fields that are the same in all versions known. */
static void common(struct python *py)
{
	py->bpf.code_names = 0x70;
	py->bpf.str_length = 0x10;
	py->bpf.tuple_items = 0x18;
	py->bpf.code_consts = 0x18;
	/* CALL, its cache, POP_TOP, and in what returns a constant the second byte. */
	py->bpf.exit_const = 2 * (1 + 3 + 1) + 1;
	py->layout.bytes_text = 0x20;
	py->layout.type_flags = 0xa8;
	py->layout.code_linetable = 0x88;
}

static void layout_311(struct python *py, uint64_t runtime)
{
	py->bpf.exit_const = 2 * (1 + 4 + 1) + 1;
	py->bpf.holder = runtime + 0x240; /* gilstate.tstate_current */
	py->bpf.holder_then = PW_PYTHON_NONE;
	py->bpf.ts_thread = 0x98;
	py->bpf.ts_frame = 0x38;
	py->bpf.cframe_frame = 0x8;
	py->bpf.frame_code = PW_PYTHON_311_CODE;
	py->bpf.frame_previous = PW_PYTHON_311_PREVIOUS;
	py->bpf.frame_instr = PW_PYTHON_INSTR;
	py->bpf.frame_owner = PW_PYTHON_NONE;
	py->bpf.frame_locals = 0x48;
	py->bpf.str_ascii = 0x30;
	py->layout.interp_head = 0x28;
	py->layout.interp_next = 0;
	py->layout.interp_threads = 0x10;
	py->layout.ts_next = 0x8;
	py->layout.ts_interp = 0x10;
	py->layout.code_firstline = 0x48;
	py->layout.code_start = 0xb8;
	py->layout.type_cached_keys = 0x368;
	py->attrs = PYTHON_ATTRS_311;
}

static void layout_312(struct python *py, uint64_t runtime)
{
	py->bpf.holder = runtime + 0x28; /* interpreters.head */
	py->bpf.holder_then = 0x418;	 /* _gil.last_holder */
	py->bpf.ts_thread = 0x88;
	py->bpf.ts_frame = 0x38;
	py->bpf.cframe_frame = 0;
	py->bpf.frame_code = PW_PYTHON_312_CODE;
	py->bpf.frame_previous = PW_PYTHON_312_PREVIOUS;
	py->bpf.frame_instr = PW_PYTHON_INSTR;
	py->bpf.frame_owner = PW_PYTHON_312_OWNER;
	py->bpf.frame_locals = 0x48;
	py->bpf.str_ascii = 0x28;
	py->layout.interp_head = 0x28;
	py->layout.interp_next = 0;
	py->layout.interp_threads = 0x48;
	py->layout.ts_next = 0x8;
	py->layout.ts_interp = 0x10;
	py->layout.code_firstline = 0x44;
	py->layout.code_start = 0xc0;
	py->layout.type_cached_keys = 0x370;
	py->attrs = PYTHON_ATTRS_312;
}

/* How the runtime of 3.13 describes itself, in 64-bit words from its beginning. */
enum {
	D_COOKIE,
	D_VERSION,
	D_FREE_THREADED,
	D_RUNTIME_SIZE,
	D_FINALIZING,
	D_INTERP_HEAD,
	D_INTERP_SIZE,
	D_INTERP_ID,
	D_INTERP_NEXT,
	D_INTERP_THREADS,
	D_GIL_HOLDER = 18,
	D_TS_NEXT = 21,
	D_TS_INTERP,
	D_TS_FRAME,
	D_TS_THREAD,
	D_FRAME_PREVIOUS = 29,
	D_FRAME_CODE,
	D_FRAME_INSTR,
	D_FRAME_LOCALS,
	D_FRAME_OWNER,
	D_CODE_FILENAME = 35,
	D_CODE_NAME,
	D_CODE_QUALNAME,
	D_CODE_LINETABLE,
	D_CODE_FIRSTLINE,
	D_CODE_START = 43,
	D_TYPE_FLAGS = 49,
	D_TUPLE_ITEMS = 51,
	D_BYTES_TEXT = 66,
	D_STR_LENGTH = 69,
	D_STR_ASCII,
	D_WORDS
};

static int layout_313(const struct python_mem *mem, uint64_t runtime, uint32_t version, struct python *py, char *err)
{
	uint64_t d[D_WORDS];
	int r = mem->read(mem->ctx, runtime, d, sizeof(d));

	if (r) {
		snprintf(err, PYTHON_ERROR, "the runtime of this Python cannot be read");
		return r;
	}
	if (memcmp(&d[D_COOKIE], COOKIE, 8) || MAJOR_MINOR((uint32_t)d[D_VERSION]) != MAJOR_MINOR(version)) {
		snprintf(err, PYTHON_ERROR, "the runtime of this Python 3.%u does not describe itself", version >> 16 & 0xff);
		return -EOPNOTSUPP;
	}
	if (d[D_FREE_THREADED]) {
		snprintf(err, PYTHON_ERROR, "this Python is built without the global interpreter lock, which is not supported");
		return -EOPNOTSUPP;
	}
	for (int i = D_INTERP_HEAD; i < D_WORDS; i++)
		if (i != D_INTERP_SIZE && d[i] >= PW_PYTHON_NONE) {
			snprintf(err, PYTHON_ERROR, "the runtime of this Python describes itself implausibly");
			return -EINVAL;
		}
	/* What the BPF programs have as constants. */
	if (d[D_FRAME_CODE] != PW_PYTHON_312_CODE || d[D_FRAME_PREVIOUS] != PW_PYTHON_312_PREVIOUS ||
	    d[D_FRAME_OWNER] != PW_PYTHON_312_OWNER || d[D_FRAME_INSTR] != PW_PYTHON_INSTR) {
		snprintf(err, PYTHON_ERROR, "the frames of this Python have an unknown layout");
		return -EOPNOTSUPP;
	}
	if (d[D_CODE_NAME] != d[D_CODE_FILENAME] + 8 || d[D_CODE_QUALNAME] != d[D_CODE_NAME] + 8) {
		snprintf(err, PYTHON_ERROR, "the code objects of this Python have an unknown layout");
		return -EOPNOTSUPP;
	}
	py->bpf.holder = runtime + d[D_INTERP_HEAD];
	py->bpf.holder_then = (uint32_t)d[D_GIL_HOLDER];
	py->bpf.ts_thread = (uint16_t)d[D_TS_THREAD];
	py->bpf.ts_frame = (uint16_t)d[D_TS_FRAME];
	py->bpf.cframe_frame = PW_PYTHON_NONE;
	py->bpf.frame_code = (uint16_t)d[D_FRAME_CODE];
	py->bpf.frame_previous = (uint16_t)d[D_FRAME_PREVIOUS];
	py->bpf.frame_instr = (uint16_t)d[D_FRAME_INSTR];
	py->bpf.frame_owner = (uint16_t)d[D_FRAME_OWNER];
	py->bpf.frame_locals = (uint16_t)d[D_FRAME_LOCALS];
	py->bpf.code_names = (uint16_t)d[D_CODE_FILENAME];
	py->bpf.str_length = (uint16_t)d[D_STR_LENGTH];
	py->bpf.str_ascii = (uint16_t)d[D_STR_ASCII];
	py->bpf.tuple_items = (uint16_t)d[D_TUPLE_ITEMS];
	py->layout.interp_head = (uint16_t)d[D_INTERP_HEAD];
	py->layout.interp_next = (uint16_t)d[D_INTERP_NEXT];
	py->layout.interp_threads = (uint32_t)d[D_INTERP_THREADS];
	py->layout.ts_next = (uint16_t)d[D_TS_NEXT];
	py->layout.ts_interp = (uint16_t)d[D_TS_INTERP];
	py->layout.code_firstline = (uint16_t)d[D_CODE_FIRSTLINE];
	py->layout.code_linetable = (uint16_t)d[D_CODE_LINETABLE];
	py->layout.code_start = (uint16_t)d[D_CODE_START];
	py->layout.bytes_text = (uint16_t)d[D_BYTES_TEXT];
	py->layout.type_flags = (uint16_t)d[D_TYPE_FLAGS];
	py->layout.type_cached_keys = 0x370;
	py->attrs = PYTHON_ATTRS_313;
	return 0;
}

int python__layout(const struct python_mem *mem, uint64_t runtime, uint32_t version, struct python *py, char *err)
{
	if ((version >> 4 & 0xf) != 0xf) {
		snprintf(err, PYTHON_ERROR, "Python 3.%u is a pre-release here, which is not supported", version >> 16 & 0xff);
		return -EOPNOTSUPP;
	}
	common(py);
	switch (MAJOR_MINOR(version)) {
	case 0x030b:
		layout_311(py, runtime);
		return 0;
	case 0x030c:
		layout_312(py, runtime);
		return 0;
	case 0x030d:
		return layout_313(mem, runtime, version, py, err);
	}
	snprintf(err, PYTHON_ERROR, "Python %u.%u is not supported: 3.11, 3.12 and 3.13 are", version >> 24, version >> 16 & 0xff);
	return -EOPNOTSUPP;
}

/* Does the thread state @ts belong to @interp, and is what its frame runs a code object with a name? */
static bool frame_is_right(const struct python *py, const struct python_mem *mem, uint64_t interp, uint64_t ts)
{
	uint64_t owner, frame, code, type, names[3];
	char text[64];
	uint8_t kind = 0;

	if (mem->read(mem->ctx, ts + py->layout.ts_interp, &owner, 8) || owner != interp ||
	    mem->read(mem->ctx, ts + py->bpf.ts_frame, &frame, 8) || !frame)
		return false;
	if (py->bpf.cframe_frame != PW_PYTHON_NONE &&
	    (mem->read(mem->ctx, frame + py->bpf.cframe_frame, &frame, 8) || !frame))
		return false;
	if (py->bpf.frame_owner != PW_PYTHON_NONE) {
		if (mem->read(mem->ctx, frame + py->bpf.frame_owner, &kind, 1))
			return false;
		if (kind == PW_PYTHON_OWNER_C && mem->read(mem->ctx, frame + py->bpf.frame_previous, &frame, 8))
			return false;
	}
	return !mem->read(mem->ctx, frame + py->bpf.frame_code, &code, 8) && !mem->read(mem->ctx, code + 8, &type, 8) &&
	       type == py->code_type && !mem->read(mem->ctx, code + py->bpf.code_names, names, sizeof(names)) &&
	       !python__str(py, mem, names[0], text, sizeof(text)) && !python__str(py, mem, names[2], text, sizeof(text));
}

/*
 * Try the layout on the process: some thread of its main interpreter must run code. The threads run on meanwhile, so a
 * failure is looked at again. On the way the main interpreter is found, which is the last of the list.
 */
static int prove(struct python *py, const struct python_mem *mem)
{
	uint64_t interp, main_interp = 0, ts;

	for (int try = 0; try < 16; try++) {
		if (mem->read(mem->ctx, py->runtime + py->layout.interp_head, &interp, 8))
			return -EOPNOTSUPP;
		if (!interp)
			return -EAGAIN;
		for (int i = 0; interp && i < MAX_INTERPRETERS; i++) {
			main_interp = interp;
			if (mem->read(mem->ctx, interp + py->layout.interp_next, &interp, 8))
				return -EOPNOTSUPP;
		}
		if (mem->read(mem->ctx, main_interp + py->layout.interp_threads, &ts, 8))
			return -EOPNOTSUPP;
		for (int i = 0; ts && i < MAX_THREADS; i++) {
			if (frame_is_right(py, mem, main_interp, ts)) {
				if (py->bpf.holder_then != PW_PYTHON_NONE) {
					py->bpf.holder = main_interp + py->bpf.holder_then;
					py->bpf.holder_then = PW_PYTHON_NONE;
				}
				return 0;
			}
			if (mem->read(mem->ctx, ts + py->layout.ts_next, &ts, 8))
				break;
		}
	}
	return -EOPNOTSUPP;
}

/* A file that may hold an interpreter: libpython, or an executable called python. */
static bool may_be_python(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	return !fnmatch("libpython3*.so*", base, 0) || !fnmatch("python3*", base, 0) || !fnmatch("python", base, 0);
}

bool python__only_locks(const struct target *t)
{
	bool python = false;

	for (size_t i = 0; i < t->nmaps; i++) {
		const struct target_map *m = &t->maps[i];

		if (!m->path)
			continue;
		if (strstr(m->path, "/_multiprocessing."))
			return false;
		python |= m->exec && may_be_python(m->path);
	}
	return python;
}

static int open_map(struct target *t, const struct target_map *m, struct python *py, char *err)
{
	const struct python_mem mem = { target__read, t };
	_cleanup_close_ int fd = target__open_map(t, m);
	const char *const post = "sem_post";
	uint64_t vaddr[SYMS], bias, version;
	int r;

	if (fd < 0)
		return fd;
	r = elf_scan__symbols(fd, symbols, SYMS, vaddr);
	/* A launcher has none of them; 3.6 and older have no such runtime. */
	if (r || (!vaddr[SYM_RUNTIME] && !vaddr[SYM_NONE]))
		return -ENOENT;
	if (!vaddr[SYM_RUNTIME] || !vaddr[SYM_VERSION] || !vaddr[SYM_NONE] || !vaddr[SYM_CODE] || !vaddr[SYM_FALSE]) {
		snprintf(err, PYTHON_ERROR, "this Python is older than 3.11: 3.11, 3.12 and 3.13 are supported");
		return -EOPNOTSUPP;
	}
	r = elf_scan__bias(fd, m->start, m->offset, &bias) ?: mem.read(mem.ctx, bias + vaddr[SYM_VERSION], &version, 8);
	if (r)
		return r;
	*py = (struct python){
		.version = (uint32_t)version,
		.runtime = bias + vaddr[SYM_RUNTIME],
		.code_type = bias + vaddr[SYM_CODE],
		.fd = -1,
	};
	py->bpf.none = bias + vaddr[SYM_NONE];
	py->bpf.false_ = bias + vaddr[SYM_FALSE];
	r = python__layout(&mem, py->runtime, py->version, py, err) ?: prove(py, &mem);
	if (r == -EOPNOTSUPP && !*err)
		snprintf(err, PYTHON_ERROR, "Python %u.%u.%u has another layout here than the one known: it is not watched",
			 py->version >> 24, py->version >> 16 & 0xff, py->version >> 8 & 0xff);
	if (r == -EAGAIN)
		snprintf(err, PYTHON_ERROR, "Python has not begun to run in this process");
	if (r)
		return r;
	r = elf_scan__calls(fd, &post, 1, &py->posts, &py->nposts);
	if (r) {
		snprintf(err, PYTHON_ERROR, "the locks of this Python are not semaphores: they cannot be watched");
		return r == -ENOMEM ? r : -EOPNOTSUPP;
	}
	/* From some 3.13 on, a lock that nobody waits for posts nothing when it is given up. */
	if (MAJOR_MINOR(py->version) >= 0x030d)
		r = python__find_lock_exit(t, m, fd, bias, py);
	if (r) {
		snprintf(err, PYTHON_ERROR, "where this Python gives up its locks was not found: they cannot be watched");
		free(py->posts);
		return r == -ENOMEM ? r : -EOPNOTSUPP;
	}
	py->bpf.lock_exit = py->lock_exit != 0;
	py->fd = take_fd(&fd);
	return 0;
}

int python__open(struct target *t, struct python *py, char *err)
{
	struct python found;
	int r = -ENOENT;

	*err = '\0';
	for (size_t i = 0; i < t->nmaps; i++) {
		const struct target_map *m = &t->maps[i];
		int r2;

		if (!m->exec || !m->path || !may_be_python(m->path))
			continue;
		r2 = open_map(t, m, &found, err);
		if (!r2) {
			*py = found;
			return 0;
		}
		if (r2 == -ENOENT)
			continue;
		r = r2;
		if (!*err)
			snprintf(err, PYTHON_ERROR, "the Python of this process cannot be read: %s", strerror(-r));
	}
	if (r == -ENOENT)
		snprintf(err, PYTHON_ERROR, "no Python interpreter is mapped");
	return r;
}

void python__close(struct python *py)
{
	if (py->fd >= 0)
		close(py->fd);
	free(py->posts);
	*py = (struct python){ .fd = -1 };
}
