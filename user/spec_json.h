/* SPDX-License-Identifier: GPL-2.0 */
/* Pool definitions, and what is wrong with them, as JSON: one object a line. */
#ifndef POOLWATCH_SPEC_JSON_H
#define POOLWATCH_SPEC_JSON_H

#include <stdio.h>
#include "json.h"
#include "spec.h"

/* {"type":"definition","name":...,"probes":[...]}: expressions are text; what is not stated is null. */
void spec_pool__print_json(const struct spec_pool *pool, FILE *out);

/* {"type":"error","file":...,"line":...,"column":...,"message":...}: line and column are null where there is none. */
void spec_error__print_json(const struct spec_error *err, FILE *out);

#endif
