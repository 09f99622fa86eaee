/* SPDX-License-Identifier: GPL-2.0 */
/* The terminal as it was, whatever ends the program. Private to top_*.c. */
#ifndef POOLWATCH_TOP_RESTORE_H
#define POOLWATCH_TOP_RESTORE_H

/* Remember the terminal's state. Return: 0; -ENOTTY; -ENXIO: the type is not known, or cannot address its cursor. */
int top_restore__prepare(const char *type);
/* From now on a signal that ends the program gives the terminal back first. */
void top_restore__arm(void);
/* Give it back, and the signals. */
void top_restore__disarm(void);

#endif
