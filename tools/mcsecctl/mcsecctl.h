/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each command has a file. mcsecctl.c has the table of commands, command.c
 * finds and explains them, and common.c has their helpers. A command returns an
 * enum exit_code and leaves no state in the process, so many can run in
 * sequence.
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
	/* For the commands that judge a host; problems are EXIT_FAILED. */
	EXIT_UNKNOWN = 2,
};

struct command;

struct ctl {
	bool json;
	bool verbose; /* -v, of the tool or of the command that runs */
	bool quiet; /* complain() prints nothing */
	const char *netns; /* name or path; NULL: the current one */
	const char *socket; /* path of the daemon's socket */
	struct kernel kernel; /* opened by need_kernel() */
	const char *batch; /* source of lines, or NULL */
	unsigned long line; /* number of the current line */
	bool stdin_taken; /* stdin is the batch, so it has no keys */
	const struct command *command; /* the one that runs */
	const struct command *of; /* the command above it, or the table */
};

typedef int command_fn(struct ctl *ctl, int argc, char **argv);

/* A command; argv[0] is the first word after its name. */
struct command {
	const char *name; /* NULL: of all commands together */
	command_fn *run; /* NULL: one of @subs must follow */
	const char *usage; /* words after the name */
	const char *help; /* one line */
	bool has_verbose; /* -v may follow, and is taken before @run */
	const struct command *subs; /* ends with a NULL name, or is NULL */
	const struct word *words; /* meaning of [WORD VALUE]... in usage */
};

/* Further members are given by name. */
#define COMMAND(n, r, u, h, ...) \
	{ \
		.name = n, .run = r, .usage = u, .help = h, ##__VA_ARGS__ \
	}

/* ---- common.c ---- */

/* Set where complain() finds the line of a batch, and the command. Called once. */
void complain_in(const struct ctl *ctl);

/*
 * Print one line to stderr, which names what was wrong and what helps; with -j as JSON.
 * Returns @code.
 */
__attribute__((format(printf, 2, 3))) int complain(int code, const char *fmt,
						   ...);
/* The same for what was done nevertheless. */
__attribute__((format(printf, 1, 2))) void warn_user(const char *fmt, ...);

/*
 * Print one line of what was done, for people: on a terminal or with -v. Programs have
 * the exit code, and a batch is as many lines.
 */
__attribute__((format(printf, 2, 3))) void tell_done(const struct ctl *ctl,
						     const char *fmt, ...);

/*
 * Complain if there are too few or too many words, with the usage of the command
 * that runs.
 */
int check_argc(int argc, int min, int max);

/* Enter the network namespace of the option -n, if there is one. */
int enter_netns(struct ctl *ctl);
/* Open ctl->kernel if needed. Returns EXIT_OK if it can be used. */
int need_kernel(struct ctl *ctl);

/* Set a member of an object of the output. */
void put_json_int(json_t *o, const char *name, uint64_t v);
void put_json_str(json_t *o, const char *name, const char *s);

/* Report that the kernel has refused @what. */
int refused(const char *what, const struct err *err);
/* Print the warning of the kernel about @what, if there is one. */
void warned(const char *what, const struct err *err);

/* Print @json as one line, and release it. */
int print_json(json_t *json);

/* ---- safe.c ---- */

/* Print @s, which may come from a peer, without what a terminal obeys. */
void print_safe(const char *s);

/* ---- command.c ---- */

/* Print the usage of @c, a sub-command of @of, to stdout. */
void print_command_help(const struct command *of, const struct command *c);

/*
 * Find the sub-command of @of that is named @name. Returns NULL after a message
 * that lists the names if there is none; a @name of NULL means that it is missing.
 */
const struct command *find_command(const struct ctl *ctl,
				   const struct command *of, const char *name);

/*
 * Run the sub-command of @of that argv[0] names, or print its help if --help is
 * among the words after it.
 */
int dispatch(struct ctl *ctl, const struct command *of, int argc, char **argv);

/* ---- words.c: parsing of command lines ---- */

/* A word with its value, and the place of the value. @set complains itself. */
struct word {
	const char *name;
	const char *takes; /* description of the value; NULL: no value */
	int (*set)(const struct word *w, const char *value, void *obj);
	size_t off; /* offset of the member of obj, for the functions below */
	uint64_t min;
	uint64_t max;
	uint32_t bit; /* set_limit: enum klimit_bit; set_list: LIST_ADDRESSES */
	const char *const *names; /* set_name */
};

/* Further members that @set needs are given by name. */
#define WORD(n, t, s, ...) \
	{ \
		.name = n, .takes = t, .set = s, ##__VA_ARGS__ \
	}

#define WORDS_MAX 32
#define LIST_ADDRESSES 1 /* no element may be anything else */

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

/* Remove the word @flag, wherever it is. Returns true if it was there. */
bool take_flag(int *argc, char **argv, const char *flag);

/* Write the names as "a, b or c". Returns @buf. */
const char *join_names(const char *const *names, char *buf, size_t size);

int set_u32(const struct word *w, const char *value, void *obj);
int set_true(const struct word *w, const char *value, void *obj);
int set_string(const struct word *w, const char *value, void *obj);
/*
 * Set an array of w->max texts and a NULL to the elements of a list with commas, which
 * point into @value.
 */
int set_list(const struct word *w, const char *value, void *obj);
int set_name(const struct word *w, const char *value, void *obj);

bool parse_u64(const char *s, uint64_t *v);
/* Copy @s to @name if it is a valid group name. */
int read_group(const char *s, char name[static MCSEC_NAME_MAX + 1]);
int read_spi(const char *s, uint32_t *spi);
int read_alg(const char *s, enum mcsec_alg *alg);

/* Parse a list such as "1-4,9". */
int read_sender_ids(const char *s, uint32_t *ids, size_t *n);
/* Write them in that form, cut where they do not fit. Returns @buf. */
const char *sender_ids_str(const uint32_t *ids, size_t n, char *buf,
			   size_t size);

/* ---- keyfile.c: a @path of NULL or "-" means the first line of stdin ---- */
int read_key(const char *path, enum mcsec_alg alg, uint8_t key[KSA_KEY_MAX],
	     size_t *len);
/*
 * Read exactly one line, without its end and at most @size octets, because the rest
 * belongs to others. Returns its length or -errno.
 */
ssize_t read_one_line(int fd, char *buf, size_t size);
/* Return true if @path refers to stdin, by whatever name. */
bool names_stdin(const char *path);

/* ---- group.c and sa.c, also for show.c ---- */
struct table;

json_t *group_json(const struct kgroup_info *g);
/* Make a table of groups, and add a row to it. */
struct table *group_table_new(void);
void group_table_add(struct table *t, const struct kgroup_info *g);
json_t *sa_json(const struct ksa_info *i);
/* The same for SAs. */
struct table *sa_table_new(void);
void sa_table_add(struct table *t, const struct ksa_info *i);

/* ---- show.c ---- */

/* Return the meaning of a counter, or NULL if only a newer module has it. */
const char *counter_meaning(const char *name);

/* ---- monitor.c ---- */
json_t *event_json(const struct kevent *ev);
void event_print(const struct kevent *ev);

/* ---- daemon.c ---- */

/*
 * Make a request for @cmd, about the group argv[0] if there is one word. Returns
 * EXIT_OK with it in *@request, or another exit code after a message.
 */
int group_request(const char *cmd, int argc, char **argv, json_t **request);

/*
 * Send @request, which is released, to the daemon. Returns EXIT_OK with the answer
 * in *@answer, which the caller releases, or another exit code after a message.
 */
int query_daemon(struct ctl *ctl, json_t *request, json_t **answer);
/*
 * Ask the daemon for the lines of its log. Returns a socket from which they come, or
 * -errno; then a message was printed if @loud. -EOPNOTSUPP: it cannot.
 */
int watch_daemon(struct ctl *ctl, bool loud);

/* ---- one table or function per command ---- */
extern const struct command group_commands[], sa_commands[], sender_commands[];
extern const struct command edge_commands[];
extern const struct command key_commands[], pki_commands[], audit_commands[];
extern const struct command policy_commands[], setup_commands[];
extern const struct command metrics_commands[];
command_fn cmd_show, cmd_stats, cmd_monitor, cmd_batch, cmd_metrics;
command_fn cmd_doctor, cmd_health, cmd_watch, cmd_status, cmd_member, cmd_rekey,
	cmd_reseal, cmd_evict, cmd_admit;
command_fn cmd_reset, cmd_reload;
command_fn cmd_top, cmd_tree;
command_fn cmd_audit, cmd_trail, cmd_join, cmd_leave;

#endif
