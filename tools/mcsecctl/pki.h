/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a certification authority: ca.pem and ca.key in a folder, and NAME.pem
 * with NAME.key for each name.
 */
#ifndef PKI_H
#define PKI_H

#include "crypto/pki.h"
#include "files.h"
#include "mcsecctl.h"

#define DEFAULT_DIR "/etc/mcsec"
/* Validity of the certificate of an authority, and of another one. */
#define CA_DAYS 3650
#define CERT_DAYS 825
/* Tolerated clock difference between the hosts of a new group. */
#define CLOCK_SKEW 300

/* Longest common name of X.520. */
#define NAME_LEN 64

/* ---- pki_path.c ---- */

/*
 * Complain if @name cannot be a file name: it must stay in the folder, not look like an
 * option, and not be that of the authority's own files.
 */
int check_pki_name(const char *name);
/* Write DIR/NAME.SUFFIX to @path, of PATH_LEN octets, or complain that it is too long. */
int make_pki_path(char *path, const char *dir, const char *name,
		  const char *suffix);

/*
 * Run @fn with the words, while no other process does so in the folder argv[0]: what it
 * reads there must be what it replaces.
 */
int run_alone(int (*fn)(int argc, char **argv), int argc, char **argv);

/* ---- pki.c ---- */

#define ALT_MAX 16

/* The words of a certificate. */
struct pki_request {
	const char *name;
	/* The lists have ALT_MAX given names, the name itself, and a NULL. */
	const char *dns[ALT_MAX + 2];
	const char *ip[ALT_MAX + 2];
	const char *email[ALT_MAX + 2];
	uint32_t days;
	unsigned int type;
	bool gcks;
	bool replace;
};

extern const char *const pki_type_names[];
#define PKI_TYPES "ed25519, ecdsa-p256, ecdsa-p384 or ml-dsa-44, -65 or -87"

/* Tell if a certificate that was made ends before @wanted, since its authority does. */
void tell_pki_end(const uint8_t *cert, size_t len, time_t wanted);

/* Check the name and add it to the lists of @r, after the other words. */
int read_pki_name(struct pki_request *r, const char *name);
/* Make @req of @r, which it points into, valid from now on. */
void pki_req_of(enum pki_kind kind, const struct pki_request *r,
		struct pki_req *req);
/* Load the authority in the folder @dir, or complain. */
int load_authority(const char *dir, struct pki_pair *ca);

/* ---- a function and a table of words per command ---- */
extern const struct word pki_init_words[], pki_issue_words[];
extern const struct word bundle_words[], import_words[];
extern const struct word pki_request_words[], pki_sign_words[];
extern const struct word pki_days_words[];
command_fn pki_init, pki_gcks, pki_member, pki_bundle, pki_import;
command_fn pki_request, pki_sign, pki_renew_cert, pki_revoke_name;
command_fn pki_list;

#endif
