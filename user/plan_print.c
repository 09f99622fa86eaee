// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "escape.h"
#include "json.h"
#include "plan_learned.h"
#include "plan_print.h"

/*
 * Measured on a virtual machine with Linux 6.18: a probe whose instruction the kernel emulates, one that it single-steps (two
 * traps, which a hypervisor makes dear), and what a uretprobe adds to a call. On bare metal a step costs a fraction of this.
 */
#define COST_EMULATED  0.5
#define COST_STEPPED   12.0
#define COST_URETPROBE 0.3

static const char *const kinds[] = {
	[PW_ACQUIRE] = "acquire", [PW_RELEASE] = "release", [PW_INVALIDATE] = "invalidate", [PW_CREATE] = "create",
	[PW_RESIZE] = "resize",	  [PW_DESTROY] = "destroy", [PW_SCOPE] = "scope",	    [PW_WAIT_ON] = "wait-on",
	[PW_NEXT] = "next",	  [PW_DONE] = "done",	    [PW_SUBMIT] = "submit",	    [PW_CATCH] = "catch",
	[PW_DISOWN] = "disown",
};

struct plan_cost plan_probe__cost(const struct plan_probe *p)
{
	return (struct plan_cost){
		.entry = p->emulated ? COST_EMULATED : COST_STEPPED,
		.back = !p->has_return ? 0 : p->ret == SPEC_RET_URETPROBE ? COST_URETPROBE : COST_STEPPED,
	};
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void print_where(const struct plan *plan, const struct plan_probe *p, FILE *out)
{
	uint64_t in_function = p->offset - p->function;

	fprintf(out, "  %-10s ", kinds[p->probe->kind]);
	escape__print(out, p->symbol, 0);
	if (in_function)
		fprintf(out, "+0x%lx", in_function);
	fputs(" in ", out);
	escape__print(out, base_name(plan->files[p->file].path), 0);
	fprintf(out, ", file offset 0x%lx: %s\n", p->offset, p->insn);
}

static void print_probe(const struct plan *plan, const struct plan_probe *p, FILE *out)
{
	struct plan_cost cost = plan_probe__cost(p);

	print_where(plan, p, out);
	fprintf(out, "             %s by the kernel, about %.1f us", p->emulated ? "emulated" : "single-stepped", cost.entry);
	if (p->sp_adjust)
		fprintf(out, "; the stack pointer has moved by %d", -p->sp_adjust);
	if (p->repeats)
		fputs("; in a loop, a call is told by its stack pointer", out);
	fputc('\n', out);
	if (!p->has_return)
		return;
	if (p->ret == SPEC_RET_URETPROBE) {
		fprintf(out, "             return by uretprobe, about %.1f us more: %s\n", cost.back, p->why);
		return;
	}
	fprintf(out, "             return by %zu ret instruction%s, single-stepped, about %.1f us more: %s\n            ", p->nrets,
		p->nrets == 1 ? "" : "s", cost.back, p->why);
	for (size_t i = 0; i < p->nrets; i++)
		fprintf(out, " 0x%lx", p->rets[i]);
	fputc('\n', out);
}

void plan__print(const struct plan *plan, const struct target *t, FILE *out)
{
	const struct spec_pool *pool = NULL;
	char learned[PLAN_LEARNED];

	fprintf(out, "process %u (", t->pid);
	escape__print(out, t->comm, 0);
	fputs("), ", out);
	escape__print(out, t->exe, 0);
	fputc('\n', out);
	for (size_t i = 0; i < plan->nprobes; i++) {
		const struct plan_probe *p = &plan->probes[i];
		const struct plan_file *f = &plan->files[p->file];

		if (p->pool != pool) {
			fprintf(out, "\npool %s: ", p->pool->name);
			escape__print(out, f->path, 0);
			fprintf(out, "%s%s%s\n", f->build_id ? ", build-id " : "", f->build_id ?: "", f->go ? ", Go" : "");
			if (plan__learned(plan, p, learned))
				fprintf(out, "  %s\n", learned);
			pool = p->pool;
		}
		print_probe(plan, p, out);
	}
	if (plan->nprobes)
		fprintf(out, "\nThe costs are not measured here. They were measured on a virtual machine with Linux 6.18: %.1f us a probe where\n"
			     "the kernel emulates the instruction, %.0f us where it single-steps it (far less on bare metal), %.1f us\n"
			     "more for a uretprobe. Nothing was attached.\n",
			COST_EMULATED, COST_STEPPED, COST_URETPROBE);
}

static void json_return(struct json *j, const struct plan_probe *p)
{
	if (!p->has_return) {
		json__null(j, "return");
		return;
	}
	json__object(j, "return");
	json__string(j, "method", p->ret == SPEC_RET_URETPROBE ? "uretprobe" : "sites");
	json__string(j, "why", p->why);
	json__bool(j, "complete", !p->ret_incomplete);
	json__array(j, "offsets");
	for (size_t i = 0; i < p->nrets; i++)
		json__hex(j, NULL, p->rets[i]);
	json__end_array(j);
	json__end_object(j);
}

static void json_probe(struct json *j, const struct plan *plan, const struct target *t, const struct plan_probe *p)
{
	const struct plan_file *f = &plan->files[p->file];
	struct plan_cost cost = plan_probe__cost(p);

	json__object(j, NULL);
	json__string(j, "type", "probe");
	json__u64(j, "pid", t->pid);
	json__string(j, "pool", p->pool->name);
	json__string(j, "kind", kinds[p->probe->kind]);
	json__string(j, "symbol", p->symbol);
	json__string(j, "module", f->path);
	json__string(j, "build_id", f->build_id);
	json__string(j, "version", f->version);
	json__bool(j, "go", f->go);
	json__hex(j, "function", p->function);
	json__hex(j, "offset", p->offset);
	json__string(j, "instruction", p->insn);
	json__bool(j, "emulated", p->emulated);
	json__i64(j, "sp_adjust", p->sp_adjust);
	json__bool(j, "repeats", p->repeats);
	json__bool(j, "version_matches", !p->learn);
	json_return(j, p);
	json__object(j, "cost_us");
	json__double(j, "entry", cost.entry);
	json__double(j, "return", cost.back);
	json__bool(j, "measured_here", false);
	json__end_object(j);
	json__end_object(j);
	json__end_line(j);
}

void plan__print_json(const struct plan *plan, const struct target *t, FILE *out)
{
	struct json j;

	json__init(&j, out);
	for (size_t i = 0; i < plan->nprobes; i++)
		json_probe(&j, plan, t, &plan->probes[i]);
}
