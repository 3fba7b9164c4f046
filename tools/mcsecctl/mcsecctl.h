/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each command has a file. mcsecctl.c has the table of commands, and common.c
 * has their helpers. A command returns an enum exit_code and leaves no state in
 * the process, so many can run in sequence.
 */
#ifndef MCSECCTL_H
#define MCSECCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"

#define SENDER_ID_MAX 65535

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* valid request that was refused */
	EXIT_USAGE = 2, /* invalid words */
};

struct ctl {
	bool json;
	const char *netns; /* name or path; NULL: the current one */
	const char *socket; /* path of the daemon's socket */
	struct kernel kernel; /* opened by need_kernel() */
	const char *batch; /* source of lines, or NULL */
	unsigned long line; /* number of the current line */
	bool stdin_taken; /* stdin is the batch, so it has no keys */
};

typedef int command_fn(struct ctl *ctl, int argc, char **argv);

/* A command; argv[0] is the first word after its name. */
struct command {
	const char *name;
	command_fn *run;
	const char *usage; /* words after the name */
	const char *help; /* one line, or NULL for the table's sub-words */
};

/* ---- common.c ---- */

/* Set the batch whose line complain() names. Called once. */
void complain_in(const struct ctl *ctl);

/* Print one line to stderr. Returns @code. */
__attribute__((format(printf, 2, 3))) int complain(int code, const char *fmt,
						   ...);

/*
 * Run the command in @table that argv[0] names. @table ends with a NULL name,
 * and @of is the prefix of error messages.
 */
int dispatch(struct ctl *ctl, const struct command *table, const char *of,
	     int argc, char **argv);

/* Complain if there are too few or too many words. */
int check_argc(int argc, int min, int max, const char *usage);

/* Open ctl->kernel if needed. Returns EXIT_OK if it can be used. */
int need_kernel(struct ctl *ctl);

/* Report that the kernel has refused @what. */
int refused(const char *what, const struct err *err);
/* Print the warning of the kernel about @what, if there is one. */
void warned(const char *what, const struct err *err);

/* Print @json as one line, and release it. */
int print_json(json_t *json);

/* ---- words.c: parsing of command lines ---- */

/* A word with its value, and the place of the value. @set complains itself. */
struct word {
	const char *name;
	const char *takes; /* description of the value; NULL: no value */
	int (*set)(const struct word *w, const char *value, void *obj);
	size_t off; /* offset of the member of obj, for the functions below */
	uint64_t min;
	uint64_t max;
	uint32_t bit; /* set_limit: enum klimit_bit */
	const char *const *names; /* set_name */
};

/* Further members that @set needs are given by name. */
#define WORD(n, t, s, ...) \
	{ \
		.name = n, .takes = t, .set = s, ##__VA_ARGS__ \
	}

#define WORDS_MAX 32

/*
 * Split a line of a batch into words at blanks. Double quotes surround one
 * whole word. A # at the beginning of a word starts a comment; within a word it
 * is an ordinary character, so that no name is cut to another existing one.
 *
 * Return: the number of words, -E2BIG if there are more than @max, or -EINVAL
 * if quotes are not closed or do not surround a whole word.
 */
int split_line(char *line, char **words, int max);

/*
 * Parse all of argv. Each word may occur once, and may have a -- prefix. *@seen
 * has a bit for each word found, by its index in @table, which ends with a NULL
 * name.
 */
int read_words(const struct word *table, int argc, char **argv, void *obj,
	       uint32_t *seen);

int set_u32(const struct word *w, const char *value, void *obj);
int set_true(const struct word *w, const char *value, void *obj);
int set_string(const struct word *w, const char *value, void *obj);
int set_name(const struct word *w, const char *value, void *obj);

bool parse_u64(const char *s, uint64_t *v);
/* Copy @s to @name if it is a valid group name. */
int read_group(const char *s, char name[static MCSEC_NAME_MAX + 1]);
int read_spi(const char *s, uint32_t *spi);
int read_alg(const char *s, enum mcsec_alg *alg);

/* Parse a list such as "1-4,9". */
int read_sender_ids(const char *s, uint32_t *ids, size_t *n);
void print_sender_ids(const uint32_t *ids, size_t n);

/* ---- keyfile.c: a @path of NULL or "-" means the first line of stdin ---- */
int read_key(const char *path, enum mcsec_alg alg, uint8_t key[KSA_KEY_MAX],
	     size_t *len);
/* Return true if @path refers to stdin, by whatever name. */
bool names_stdin(const char *path);

/* ---- group.c and sa.c, also for show.c ---- */
json_t *group_json(const struct kgroup_info *g);
void group_print(const struct kgroup_info *g);
json_t *sa_json(const struct ksa_info *i);
void sa_print(const struct ksa_info *i, const char *indent);

/* ---- one function per command ---- */
command_fn cmd_group, cmd_sa, cmd_sender, cmd_show, cmd_stats, cmd_monitor;
command_fn cmd_key, cmd_pki, cmd_batch, cmd_metrics;
command_fn cmd_status, cmd_member, cmd_rekey, cmd_reseal, cmd_evict, cmd_admit;
command_fn cmd_reset, cmd_reload;
command_fn cmd_audit, cmd_trail, cmd_join, cmd_leave;

#endif
