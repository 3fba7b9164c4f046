/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file per command; mcsecctl.c has the table of them, above all others, and
 * common.c what all of them call, below. A command returns
 * one of enum exit_code and leaves the process as it found it, so that many
 * can run after one another.
 */
#ifndef MCSECCTL_H
#define MCSECCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* asked for rightly, and refused */
	EXIT_USAGE = 2, /* words that mean nothing here */
};

struct ctl {
	bool json;
	const char *netns; /* name or path, NULL: where we are */
	const char *socket; /* of the daemon */
	struct kernel kernel; /* opened by need_kernel() */
	const char *batch; /* what is read line by line, or NULL */
	unsigned long line; /* of it */
	bool stdin_taken; /* by a batch: no keys come from there */
};

typedef int command_fn(struct ctl *ctl, int argc, char **argv);

/* argv[0] is the first word after the command's name. */
struct command {
	const char *name;
	command_fn *run;
	const char *usage; /* what follows the name */
	const char *help; /* one line, or NULL for the table's sub-words */
};

/* common.c */

/* Whose line of a batch complain() names; to be called once. */
void complain_in(const struct ctl *ctl);

/* One line on stderr; gives back @code, so that it can be returned. */
__attribute__((format(printf, 2, 3))) int complain(int code, const char *fmt,
						   ...);

/* Runs what argv[0] names in @table, which ends with a NULL name. @of: where. */
int dispatch(struct ctl *ctl, const struct command *table, const char *of,
	     int argc, char **argv);

/* Complains that @argc words are too few or too many, unless they aren't. */
int check_argc(int argc, int min, int max, const char *usage);

/* EXIT_OK if ctl->kernel can be used now. */
int need_kernel(struct ctl *ctl);

/* After a function of the kernel failed: @what was tried. */
int refused(const char *what, const struct err *err);
/* After one that did not fail: what the kernel warns of, if anything. */
void warned(const char *what, const struct err *err);

/* Writes @json as one line and releases it. */
int print_json(json_t *json);

/* words.c: what a command line is made of */

/*
 * A word, the value that follows it, and where that goes. @set complains by
 * itself.
 */
struct word {
	const char *name;
	const char *takes; /* the value, in words; NULL: none follows */
	int (*set)(const struct word *w, const char *value, void *obj);
	size_t off; /* of the member of obj, for the set_ below */
	uint64_t min;
	uint64_t max;
	uint32_t bit; /* set_limit: enum klimit_bit */
	const char *const *names; /* set_name */
};

/* What a .set needs beyond the three is given by the members' names. */
#define WORD(n, t, s, ...) \
	{ \
		.name = n, .takes = t, .set = s, ##__VA_ARGS__ \
	}

#define WORDS_MAX 32

/*
 * Cuts a line of a batch into words between blanks. One in double quotes is all
 * that is between them. A # where a word could begin begins a comment; inside
 * one it is a part of it, so that no name is cut to another that exists.
 *
 * Return: how many words; -E2BIG if there are more than @max; -EINVAL if quotes
 * do not close, or are not around one whole word.
 */
int split_line(char *line, char **words, int max);

/*
 * Reads all of argv. A word may come once; -- before it is allowed. Which came
 * is in *@seen, by index in @table, which ends with a NULL name.
 */
int read_words(const struct word *table, int argc, char **argv, void *obj,
	       uint32_t *seen);

int set_u32(const struct word *w, const char *value, void *obj);
int set_true(const struct word *w, const char *value, void *obj);
int set_string(const struct word *w, const char *value, void *obj);
int set_name(const struct word *w, const char *value, void *obj);

bool parse_u64(const char *s, uint64_t *v);
/* A name of a group that the kernel can have. Copies it to @name. */
int read_group(const char *s, char name[static MCSEC_NAME_MAX + 1]);
int read_spi(const char *s, uint32_t *spi);
int read_alg(const char *s, enum mcsec_alg *alg);

/* "1-4,9" */
int read_sender_ids(const char *s, uint32_t *ids, size_t *n);
void print_sender_ids(const uint32_t *ids, size_t n);

/* keyfile.c: @path NULL or "-": the first line of stdin */
int read_key(const char *path, enum mcsec_alg alg, uint8_t key[KSA_KEY_MAX],
	     size_t *len);
/* Whether reading @path, by whatever name, takes from stdin. */
bool names_stdin(const char *path);

/* group.c, sa.c: for show.c too */
json_t *group_json(const struct kgroup_info *g);
void group_print(const struct kgroup_info *g);
json_t *sa_json(const struct ksa_info *i);
void sa_print(const struct ksa_info *i, const char *indent);

/* one each */
command_fn cmd_group, cmd_sa, cmd_sender, cmd_show, cmd_stats, cmd_monitor;
command_fn cmd_key, cmd_pki, cmd_batch, cmd_metrics;
command_fn cmd_status, cmd_member, cmd_rekey, cmd_reseal, cmd_evict, cmd_admit;
command_fn cmd_reset, cmd_reload;
command_fn cmd_audit, cmd_join, cmd_leave;

#endif
