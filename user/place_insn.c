// SPDX-License-Identifier: GPL-2.0
/*
 * capstone says how long an instruction is and what it reads and writes; what the kernel does with it at a probe is read
 * off its bytes, as arch/x86/kernel/uprobes.c does (versions 6.1 to 6.18).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "place.h"
#include "place_insn.h"
#include "place_kernel.h"

/* An instruction's bytes, its prefixes taken off. */
struct raw {
	const uint8_t *op; /* the opcode's first byte */
	size_t left;	   /* bytes from there on */
	uint8_t rex;	   /* 0: none */
	bool opsize;	   /* 66 */
	bool refused;	   /* a prefix with which the kernel takes no probe: lock and segments other than fs, gs */
	size_t prefixes;
};

static bool strip_prefixes(const uint8_t *insn, size_t len, struct raw *r)
{
	size_t i = 0;

	*r = (struct raw){ 0 };
	for (; i < len; i++) {
		switch (insn[i]) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0:
			r->refused = true;
			continue;
		case 0x66:
			r->opsize = true;
			continue;
		case 0x64:
		case 0x65:
		case 0x67:
		case 0xf2:
		case 0xf3:
			continue;
		}
		break;
	}
	r->prefixes = i;
	if (i < len && (insn[i] & 0xf0) == 0x40)
		r->rex = insn[i++];
	r->op = insn + i;
	r->left = len - i;
	return r->left > 0;
}

/* The kernel's own table of nops: these, byte for byte. */
static bool is_kernel_nop(const uint8_t *insn, size_t len)
{
	static const char *const nops[] = {
		NULL,
		"\x90",
		"\x66\x90",
		"\x0f\x1f\x00",
		"\x0f\x1f\x40\x00",
		"\x0f\x1f\x44\x00\x00",
		"\x66\x0f\x1f\x44\x00\x00",
		"\x0f\x1f\x80\x00\x00\x00\x00",
		"\x0f\x1f\x84\x00\x00\x00\x00\x00",
	};

	return len && len < sizeof(nops) / sizeof(nops[0]) && !memcmp(insn, nops[len], len);
}

/* 49 90 is xchg %r8,%rax, but kernels of many years emulate every 90 as a nop: a probe there would change what the program does. */
static bool is_disguised_xchg(const struct raw *r)
{
	return r->op[0] == 0x90 && r->rex & 1;
}

static bool raw_is_emulated(const struct raw *r, const uint8_t *insn, size_t len)
{
	uint8_t op = r->op[0];

	if (r->refused)
		return false;
	if (op == 0x90)
		return !is_disguised_xchg(r);
	if (op >= 0x50 && op <= 0x57)
		return len == 1 || (len == 2 && insn[0] == 0x41);
	if (op == 0xe8 || op == 0xe9 || op == 0xeb || (op >= 0x70 && op <= 0x7f) ||
	    (op == 0x0f && r->left > 1 && (r->op[1] & 0xf0) == 0x80))
		return !r->opsize; /* else the probe is refused */
	return place_kernel__emulates_long_nops() && is_kernel_nop(insn, len);
}

bool place__is_emulated(const uint8_t *insn, size_t len)
{
	struct raw r;

	return strip_prefixes(insn, len, &r) && raw_is_emulated(&r, insn, len);
}

/* What the kernel refuses (its tables of good instructions), and what it should: system calls stepped out of line. */
static bool raw_is_probeable(const struct raw *r)
{
	static const uint8_t one[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61,
				       0x62, 0x6c, 0x6d, 0x6e, 0x6f, 0x82, 0x9a, 0xcc, 0xcd, 0xce, 0xcf, 0xd4, 0xd5,
				       0xd6, 0xe4, 0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb };
	static const uint8_t two[] = { 0x00, 0x01, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0b, 0x30, 0x34, 0x35, 0x37, 0x78, 0x79, 0xae };
	uint8_t op = r->op[0];

	if (r->refused || is_disguised_xchg(r) || memchr(one, op, sizeof(one)))
		return false;
	if (op == 0x0f)
		return r->left > 1 && !memchr(two, r->op[1], sizeof(two));
	/* mov to ss holds the trap of the single step back. */
	if (op == 0x8e && r->left > 1 && (r->op[1] >> 3 & 7) == 2)
		return false;
	/* Branches whose size depends on the maker of the processor. */
	if (r->opsize && (op == 0xe8 || op == 0xe9 || op == 0xeb || (op >= 0x70 && op <= 0x7f)))
		return false;
	/* An aborted transaction hides what happened in it. */
	return !((op == 0xc7 || op == 0xc6) && r->left > 1 && r->op[1] == 0xf8);
}

/* VEX and EVEX encodings have no flow: their first byte is no opcode. */
static int set_flow(const struct raw *r, struct place_insn *in)
{
	uint8_t op = r->op[0], op2 = r->left > 1 ? r->op[1] : 0, reg = op2 >> 3 & 7;
	uint64_t next = in->vaddr + in->len;
	const uint8_t *end = r->op + r->left;
	int32_t rel32 = 0;

	if (r->left >= 5)
		memcpy(&rel32, end - 4, 4);
	switch (op) {
	case 0x70 ... 0x7f:
	case 0xe0 ... 0xe3: /* loop, jrcxz */
		in->flow = FLOW_COND;
		in->target = next + (uint64_t)(int8_t)end[-1];
		return 0;
	case 0xeb:
		in->flow = FLOW_JUMP;
		in->target = next + (uint64_t)(int8_t)end[-1];
		return 0;
	case 0xe9:
	case 0xe8:
		if (r->opsize)
			return -EILSEQ;
		in->flow = op == 0xe9 ? FLOW_JUMP : FLOW_CALL;
		in->target = next + (uint64_t)rel32;
		return 0;
	case 0xc2:
	case 0xc3:
		in->flow = FLOW_RET;
		return 0;
	case 0xca:
	case 0xcb:
	case 0xcf:
	case 0xcc:
	case 0xf4:
		in->flow = FLOW_STOP;
		return 0;
	case 0xff:
		if (reg == 2 || reg == 3)
			in->flow = FLOW_CALL;
		if (reg == 4 || reg == 5) {
			in->flow = FLOW_INDIRECT;
			/* modrm of disp32(%rip), or of an absolute address */
			in->through_memory = (op2 & 0xc7) == 0x05 || ((op2 & 0xc7) == 0x04 && r->left > 2 && r->op[2] == 0x25);
		}
		return 0;
	case 0xc7:
		if (op2 == 0xf8)
			return -EILSEQ; /* xbegin: an abort continues elsewhere */
		return 0;
	case 0x0f:
		if ((op2 & 0xf0) == 0x80) {
			if (r->opsize || r->left < 6)
				return -EILSEQ;
			in->flow = FLOW_COND;
			in->target = next + (uint64_t)rel32;
		} else if (op2 == 0x05 || op2 == 0x34) {
			in->writes_memory = true; /* a system call may do anything */
		} else if (op2 == 0x0b || op2 == 0xff || op2 == 0xb9) {
			in->flow = FLOW_STOP; /* ud2 and its like */
		}
		return 0;
	}
	return 0;
}

/* The processor's number of a general register or a part of it; -1: another register. */
static int register_number(unsigned int reg)
{
	static const struct {
		uint16_t names[5];
		int8_t number;
	} table[] = {
		{ { X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH }, 0 },
		{ { X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH }, 1 },
		{ { X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH }, 2 },
		{ { X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH }, 3 },
		{ { X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL, X86_REG_RSP }, 4 },
		{ { X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL, X86_REG_RBP }, 5 },
		{ { X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, X86_REG_RSI }, 6 },
		{ { X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, X86_REG_RDI }, 7 },
		{ { X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, X86_REG_R8 }, 8 },
		{ { X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, X86_REG_R9 }, 9 },
		{ { X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B, X86_REG_R14 }, 14 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (size_t k = 0; k < 5; k++)
			if (table[i].names[k] == reg)
				return table[i].number;
	return -1;
}

static bool is_stack_pointer(unsigned int reg)
{
	return reg == X86_REG_RSP;
}

/* How far the stack pointer moves; false: it is written in a way that cannot be told. */
static bool stack_delta(const struct raw *r, const cs_insn *ci, int32_t *delta)
{
	const cs_x86 *x = &ci->detail->x86;
	const cs_x86_op *from = &x->operands[0], *to = &x->operands[1]; /* of two: AT&T order */
	bool to_sp = x->op_count == 2 && to->type == X86_OP_REG && is_stack_pointer(to->reg);

	switch (ci->id) {
	case X86_INS_PUSH:
	case X86_INS_PUSHFQ:
		*delta = -8;
		return !r->opsize;
	case X86_INS_POP:
		*delta = 8;
		return !r->opsize && !(from->type == X86_OP_REG && is_stack_pointer(from->reg));
	case X86_INS_SUB:
	case X86_INS_ADD:
		if (!to_sp || from->type != X86_OP_IMM || from->imm != (int32_t)from->imm || from->imm == INT32_MIN)
			return false;
		*delta = (int32_t)(ci->id == X86_INS_SUB ? -from->imm : from->imm);
		return true;
	case X86_INS_LEA:
		if (!to_sp || from->type != X86_OP_MEM || from->mem.base != X86_REG_RSP ||
		    from->mem.index != X86_REG_INVALID)
			return false;
		*delta = (int32_t)from->mem.disp;
		return true;
	}
	return false;
}

static int set_effects(csh handle, const struct raw *r, const cs_insn *ci, struct place_insn *in)
{
	const cs_x86 *x = &ci->detail->x86;
	cs_regs reads, writes;
	uint8_t nreads, nwrites;

	if (cs_regs_access(handle, ci, reads, &nreads, writes, &nwrites))
		return -EILSEQ;
	for (uint8_t i = 0; i < nwrites; i++) {
		int n = register_number(writes[i]);

		if (n >= 0)
			in->writes |= 1u << n;
	}
	for (uint8_t i = 0; i < x->op_count; i++) {
		const cs_x86_op *op = &x->operands[i];

		if (op->type == X86_OP_REG && op->access & CS_AC_WRITE) {
			int n = register_number(op->reg);

			if (n >= 0)
				in->writes |= 1u << n;
		}
		if (op->type == X86_OP_MEM && op->access & CS_AC_WRITE && op->mem.base != X86_REG_RSP)
			in->writes_memory = true;
	}
	if (in->flow == FLOW_NEXT && in->writes & 1u << 4)
		in->sp_lost = !stack_delta(r, ci, &in->sp_delta);
	return 0;
}

int place_insn__open(csh *handle)
{
	if (cs_open(CS_ARCH_X86, CS_MODE_64, handle))
		return -ENOMEM;
	if (cs_option(*handle, CS_OPT_DETAIL, CS_OPT_ON) || cs_option(*handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT)) {
		cs_close(handle);
		return -ENOMEM;
	}
	return 0;
}

int place_insn__decode(csh handle, const uint8_t *bytes, size_t len, uint64_t vaddr, struct place_insn *out)
{
	struct place_insn in = { .vaddr = vaddr };
	cs_insn *ci = cs_malloc(handle);
	const uint8_t *p = bytes;
	uint64_t at = vaddr;
	struct raw r;
	int err = -EILSEQ;

	if (!ci)
		return -ENOMEM;
	/* No instruction is longer than 15 bytes. */
	if (len > 15)
		len = 15;
	if (!cs_disasm_iter(handle, &p, &len, &at, ci))
		goto out;
	in.len = ci->size;
	if (!strip_prefixes(bytes, ci->size, &r) || set_flow(&r, &in))
		goto out;
	err = set_effects(handle, &r, ci, &in);
	if (err)
		goto out;
	in.emulated = raw_is_emulated(&r, bytes, in.len);
	in.probeable = raw_is_probeable(&r);
	in.long_nop5 = in.len == 5 && is_kernel_nop(bytes, 5);
	snprintf(in.text, sizeof(in.text), "%.20s%s%.40s", ci->mnemonic, ci->op_str[0] ? " " : "", ci->op_str);
	*out = in;
out:
	cs_free(ci, 1);
	return err;
}
