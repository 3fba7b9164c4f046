/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a certification authority: ca.pem and ca.key in a folder, and NAME.pem
 * with NAME.key for each name.
 */
#ifndef PKI_H
#define PKI_H

#include "files.h"
#include "mcsecctl.h"

#define DEFAULT_DIR "/etc/mcsec"
#define DAY 86400
/* Validity of the certificate of an authority, and of another one. */
#define CA_DAYS 3650
#define CERT_DAYS 825
/* Tolerated clock difference between the hosts of a new group. */
#define CLOCK_SKEW 300

/* Longest common name of X.520. */
#define NAME_LEN 64

/* ---- pki_path.c ---- */

/*
 * Complain if @name cannot be a file name: it must stay in the folder, and not look like
 * an option.
 */
int check_pki_name(const char *name);
/* Write DIR/NAME.SUFFIX to @path, of PATH_LEN octets, or complain that it is too long. */
int make_pki_path(char *path, const char *dir, const char *name,
		  const char *suffix);

/* ---- a function and a table of words per command ---- */
extern const struct word pki_init_words[], pki_issue_words[];
extern const struct word bundle_words[], import_words[];
command_fn pki_init, pki_gcks, pki_member, pki_bundle, pki_import;

#endif
