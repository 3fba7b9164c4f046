// SPDX-License-Identifier: Apache-2.0
/* The commands of "mcsecctl pki". */
#include "pki.h"

#define ISSUE_USAGE \
	"DIR NAME [dns D,...] [ip A,...] [email E,...] [days N] [type TYPE]"

const struct command pki_commands[] = {
	COMMAND("init", pki_init, "DIR [name N] [days N] [type TYPE]",
		"make a certification authority in a folder",
		.words = pki_init_words),
	COMMAND("gcks", pki_gcks, ISSUE_USAGE,
		"make the certificate and the key of a key server",
		.words = pki_issue_words),
	COMMAND("member", pki_member, ISSUE_USAGE,
		"make the certificate and the key of a member",
		.words = pki_issue_words),
	COMMAND("bundle", pki_bundle,
		"DIR NAME [file F] [config F] [gcks A] [gcks-id I] [passphrase-file F]",
		"put all that a member needs into one file with a passphrase",
		.words = bundle_words),
	COMMAND("import", pki_import,
		"FILE [dir D] [name N] [config F] [interface I] [keys-only] [replace] [passphrase-file F]",
		"write the files of a member, and its configuration, from a bundle",
		.words = import_words),
	COMMAND("request", pki_request,
		"DIR NAME [dns D,...] [ip A,...] [email E,...] [type TYPE] [replace]",
		"make a key that stays here, and a request for its certificate",
		.words = pki_request_words),
	COMMAND("sign", pki_sign,
		"DIR NAME FILE [dns D,...] [ip A,...] [email E,...] [days N] [gcks]",
		"make a certificate for a request", .words = pki_sign_words),
	COMMAND("renew", pki_renew_cert, "DIR NAME [days N]",
		"make a certificate again, for the same key",
		.words = pki_days_words),
	COMMAND("revoke", pki_revoke_name, "DIR [NAME] [days N]",
		"revoke the certificates of a name, in DIR/crl.pem",
		.words = pki_days_words),
	COMMAND("list", pki_list, "DIR",
		"list the certificates of an authority with their ends"),
	{}
};
