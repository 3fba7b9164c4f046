// SPDX-License-Identifier: Apache-2.0
/* A member's key, certificates and settings as one file, and from there to its host. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf_text.h"
#include "crypto/bundle.h"
#include "lib/file.h"
#include "lib/noaddr.h"
#include "lib/quote.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "pki.h"
#include "units.h"
#include "wire/proto.h"

#define SETTINGS_VERSION 1
#define ID_LEN 512

struct bundle_request {
	const char *dir;
	const char *name;
	const char *file;
	const char *config;
	const char *gcks;
	const char *gcks_id;
	const char *passphrase;
	const char *interface;
	const char *interfaces[MCSEC_DEVS_MAX + 1];
	bool forward;
	bool keys_only;
	bool replace;
};

#define AT(member) .off = offsetof(struct bundle_request, member)
#define PASSPHRASE WORD("passphrase-file", "a file", set_string, AT(passphrase))

const struct word bundle_words[] = {
	WORD("file", "a file", set_string, AT(file)),
	WORD("config", "a file", set_string, AT(config)),
	WORD("gcks", "the key server's address", set_string, AT(gcks)),
	WORD("gcks-id", "the key server's name", set_string, AT(gcks_id)),
	PASSPHRASE,
	{}
};

const struct word import_words[] = {
	WORD("dir", "a folder", set_string, AT(dir)),
	WORD("name", "the name of the files", set_string, AT(name)),
	WORD("config", "a file", set_string, AT(config)),
	WORD("interface", "an interface", set_string, AT(interface)),
	WORD("interfaces", "interfaces", set_list, AT(interfaces),
	     .max = MCSEC_DEVS_MAX),
	WORD("forward", NULL, set_true, AT(forward)),
	WORD("keys-only", NULL, set_true, AT(keys_only)),
	WORD("replace", NULL, set_true, AT(replace)),
	PASSPHRASE,
	{}
};

/* ---- passphrase --------------------------------------------------------- */

/* A passphrase is the first line of a file. */
static int read_passphrase(const char *path, char buf[static PASSPHRASE_LEN])
{
	uint8_t *text;
	struct err err;
	ssize_t n;
	size_t len;

	if (!strcmp(path, "-")) {
		n = read_one_line(STDIN_FILENO, buf, PASSPHRASE_LEN - 1);
		if (n < 0)
			return complain(EXIT_FAILED, "passphrase: %s",
					strerror((int)-n));
		len = (size_t)n;
	} else {
		if (file_read_secret(path, PASSPHRASE_LEN - 1, &text, &len,
				     &err))
			return complain(EXIT_FAILED, "passphrase: %s",
					err.text);
		memcpy(buf, text, len);
		secret_free(text);
	}
	buf[len] = '\0';
	buf[strcspn(buf, "\r\n")] = '\0';
	if (*buf)
		return EXIT_OK;
	return complain(EXIT_FAILED,
			"passphrase-file %s: the first line is empty", path);
}

/* Get a passphrase, which is never an argument, as other users can see those. */
static int get_passphrase(const char *path, bool again,
			  char buf[static PASSPHRASE_LEN])
{
	char prompt[80];
	struct err err;

	if (path)
		return read_passphrase(path, buf);
	snprintf(prompt, sizeof(prompt),
		 again ? "Passphrase of the bundle, at least %d characters: "
		       : "Passphrase of the bundle: ",
		 PASSPHRASE_MIN);
	if (!passphrase_ask(prompt, again, buf, &err))
		return EXIT_OK;
	return complain(EXIT_FAILED,
			"%s; \"passphrase-file FILE\" reads it from there",
			err.text);
}

/* ---- bundle ------------------------------------------------------------- */

/* The name that the certificate proves, as the lists of a key server have it. */
static int identity_of(const struct cert_chain *chain, const char *path,
		       char id[static ID_LEN])
{
	const uint8_t *data;
	uint8_t type;
	size_t len;

	cert_chain_id(chain, &type, &data, &len);
	if (!cert_id_str(type, data, len, id, ID_LEN))
		return EXIT_OK;
	return complain(EXIT_FAILED,
			"%s: the name in the certificate is malformed", path);
}

/* Where members find the key server: the first address that is one host's. */
static int find_gcks(const struct conf *conf, const struct bundle_request *r,
		     char text[static EP_STRLEN])
{
	struct ep ep;
	size_t i;

	if (r->gcks) {
		if (ep_parse(r->gcks, GIKE_PORT, &ep))
			return complain(EXIT_USAGE,
					"gcks \"%s\": not like 192.0.2.1 or [2001:db8::1]:848: %s",
					r->gcks, ep_why_not(r->gcks));
		if (addr_is_any(&ep.addr) || addr_is_multicast(&ep.addr))
			return complain(EXIT_USAGE,
					"gcks \"%s\": not the address of one host, which members need",
					r->gcks);
		ep_str(&ep, text);
		return EXIT_OK;
	}
	for (i = 0; i < conf->gcks->n_listen; i++)
		if (!addr_is_any(&conf->gcks->listen[i].addr)) {
			ep_str(&conf->gcks->listen[i], text);
			return EXIT_OK;
		}
	return complain(EXIT_FAILED,
			"%s: the key server listens at every address of its host: say \"gcks ADDRESS\", which members can reach",
			conf->file);
}

/* The name of the key server is that of the certificate in its configuration. */
static int find_gcks_id(const struct conf *conf, const struct bundle_request *r,
			char id[static ID_LEN])
{
	struct cert_chain *chain;
	struct err err;
	int ret;

	if (r->gcks_id) {
		snprintf(id, ID_LEN, "%s", r->gcks_id);
		return EXIT_OK;
	}
	if (!conf->identity.certificate)
		return complain(EXIT_FAILED,
				"%s: the key server has no certificate: say \"gcks-id NAME\"",
				conf->file);
	if (cert_chain_load(conf->identity.certificate, &chain, &err))
		return complain(EXIT_FAILED,
				"certificate of the key server: %s; \"gcks-id NAME\" says its name without it",
				err.text);
	ret = identity_of(chain, conf->identity.certificate, id);
	cert_chain_free(chain);
	return ret;
}

/* Make the member's settings from the configuration of its key server. */
static int make_settings(const struct bundle_request *r,
			 const struct cert_chain *chain, const char *cert_path,
			 char **text)
{
	const char *config = r->config ? r->config : CONF_DEFAULT_FILE;
	char id[ID_LEN], gcks_id[ID_LEN], gcks[EP_STRLEN];
	struct conf *conf = NULL;
	json_t *member = NULL;
	struct err err;
	int ret;

	if (conf_load(config, &conf, &err))
		return complain(EXIT_FAILED,
				"configuration of the key server: %s; \"config FILE\" names another one",
				err.text);
	ret = identity_of(chain, cert_path, id);
	if (!ret && !conf->gcks)
		ret = complain(EXIT_FAILED,
			       "%s: not of a key server; \"config FILE\" names another one",
			       config);
	if (!ret)
		ret = find_gcks(conf, r, gcks);
	if (!ret)
		ret = find_gcks_id(conf, r, gcks_id);
	if (!ret) {
		member = member_settings_of(conf, id, gcks, gcks_id, &err);
		if (!member)
			ret = complain(EXIT_FAILED, "%s", err.text);
	}
	conf_free(conf);
	if (ret)
		return ret;
	*text = NULL;
	member = json_pack("{s:i, s:o}", "version", SETTINGS_VERSION, "member",
			   member);
	if (member)
		*text = json_dumps(member, JSON_COMPACT);
	json_decref(member);
	return *text ? EXIT_OK : complain(EXIT_FAILED, "out of memory");
}

static int load_bundle(const struct bundle_request *r, struct bundle *b,
		       char cert_path[static PATH_LEN])
{
	char key_path[PATH_LEN], ca_path[PATH_LEN];
	struct err err;
	int ret = make_pki_path(cert_path, r->dir, r->name, "pem");

	if (!ret)
		ret = make_pki_path(key_path, r->dir, r->name, "key");
	if (!ret)
		ret = make_pki_path(ca_path, r->dir, "ca", "pem");
	if (ret)
		return ret;
	if (cert_chain_load(cert_path, &b->chain, &err) ||
	    sigkey_load(key_path, &b->key, &err) ||
	    cert_chain_load(ca_path, &b->cas, &err))
		return complain(EXIT_FAILED,
				"bundle: %s; \"pki member\" makes key and certificate",
				err.text);
	if (!cert_chain_fits_key(b->chain, b->key))
		return complain(EXIT_FAILED, "bundle: %s is not the key of %s",
				key_path, cert_path);
	return EXIT_OK;
}

/* Refuse now what the member would refuse. */
static int verify_bundle(const struct bundle *b, const char *what)
{
	time_t now = time(NULL), ends;
	char from[TIME_STRLEN], to[TIME_STRLEN], here[TIME_STRLEN];
	struct err err;

	if (!bundle_verify(b, now, &ends, &err))
		return EXIT_OK;
	return complain(EXIT_FAILED,
			"%s: %s; the certificate is valid from %s to %s, and the clock of this host says %s",
			what, err.text,
			time_iso(cert_chain_not_before(b->chain), from),
			time_iso(cert_chain_not_after(b->chain), to),
			time_iso(now, here));
}

static int save_bundle(const struct bundle *b, const struct bundle_request *r)
{
	struct new_file f = { .mode = 0600 };
	char passphrase[PASSPHRASE_LEN];
	struct err err;
	uint8_t *der;
	int ret;

	if (r->file)
		ret = snprintf(f.path, PATH_LEN, "%s", r->file) >= PATH_LEN
			      ? complain(EXIT_USAGE, "file: name too long")
			      : EXIT_OK;
	else
		ret = make_pki_path(f.path, r->dir, r->name, "p12");
	if (!ret && path_exists(f.path))
		ret = complain(EXIT_FAILED,
			       "%s: exists; nothing was written, \"file FILE\" names another one",
			       f.path);
	if (!ret)
		ret = get_passphrase(r->passphrase, true, passphrase);
	if (ret)
		return ret;
	ret = bundle_encode(b, r->name, passphrase, &der, &f.len, &err);
	secret_wipe(passphrase, sizeof(passphrase));
	if (ret)
		return complain(EXIT_FAILED, "bundle: %s", err.text);
	f.text = (const char *)der;
	ret = write_files(&f, 1, false);
	secret_free(der);
	if (!ret)
		printf("next: give it to the host %s only, and the passphrase another way\n"
		       "there: \"mcsecctl pki import FILE\" writes its files\n",
		       r->name);
	return ret;
}

int pki_bundle(struct ctl *ctl, int argc, char **argv)
{
	struct bundle_request r = {};
	char cert_path[PATH_LEN];
	struct bundle b = {};
	uint32_t seen;
	int ret;

	(void)ctl;
	if (argc < 2)
		return check_argc(argc, 2, 2);
	r.dir = argv[0];
	r.name = argv[1];
	ret = check_pki_name(r.name);
	if (!ret)
		ret = read_words(bundle_words, argc - 2, argv + 2, &r, &seen);
	if (!ret)
		ret = load_bundle(&r, &b, cert_path);
	if (!ret)
		ret = verify_bundle(&b, cert_path);
	if (!ret)
		ret = make_settings(&r, b.chain, cert_path, &b.settings);
	if (!ret)
		ret = save_bundle(&b, &r);
	bundle_free(&b);
	return ret;
}

/* ---- import ------------------------------------------------------------- */

/* Read the file as it is; others may know it, as it is encrypted. */
static int read_bundle(const char *path, uint8_t **der, size_t *len)
{
	FILE *f = fopen(path, "re");
	int ret = EXIT_OK;

	if (!f)
		return complain(EXIT_FAILED, "%s: %s", path, strerror(errno));
	*der = malloc(BUNDLE_MAX + 1);
	errno = ENOMEM;
	*len = *der ? fread(*der, 1, BUNDLE_MAX + 1, f) : 0;
	if (!*der || ferror(f))
		ret = complain(EXIT_FAILED, "%s: %s", path, strerror(errno));
	else if (*len > BUNDLE_MAX)
		ret = complain(EXIT_FAILED,
			       "%s: more than %d octets, so no bundle", path,
			       BUNDLE_MAX);
	fclose(f);
	if (ret)
		free(*der);
	return ret;
}

static int open_bundle(const char *path, const struct bundle_request *r,
		       struct bundle *b)
{
	char passphrase[PASSPHRASE_LEN];
	struct err err;
	uint8_t *der = NULL;
	size_t len = 0;
	int ret = read_bundle(path, &der, &len);

	if (ret)
		return ret;
	ret = get_passphrase(r->passphrase, false, passphrase);
	if (!ret && bundle_decode(der, len, passphrase, b, &err))
		ret = complain(EXIT_FAILED, "%s: %s", path, err.text);
	secret_wipe(passphrase, sizeof(passphrase));
	free(der);
	return ret;
}

/* Get the member's settings out of a bundle, or none from a bundle without. */
static int read_settings(const struct bundle *b, const char *path,
			 const struct bundle_request *r, json_t **member)
{
	json_t *all;
	int version = 0;

	*member = NULL;
	if (r->keys_only || !b->settings)
		return EXIT_OK;
	all = json_loads(b->settings, JSON_REJECT_DUPLICATES, NULL);
	if (all)
		json_unpack(all, "{s:i, s:O}", "version", &version, "member",
			    member);
	json_decref(all);
	if (*member && version == SETTINGS_VERSION)
		return EXIT_OK;
	json_decref(*member);
	*member = NULL;
	return complain(EXIT_FAILED,
			"%s: its settings are not those of this version; \"keys-only\" imports the rest",
			path);
}

/* Describe the files that a bundle becomes. */
static int plan_files(const struct bundle_request *r, struct new_file *f)
{
	const char *config = r->config;
	int ret;

	f[0].mode = 0600;
	f[0].for_daemon = true;
	f[1].mode = 0644;
	f[2].mode = 0644;
	f[2].differs = "of another authority than the bundle's";
	f[3].mode = 0644;
	ret = make_pki_path(f[0].path, r->dir, r->name, "key");
	if (!ret)
		ret = make_pki_path(f[1].path, r->dir, r->name, "pem");
	if (!ret)
		ret = make_pki_path(f[2].path, r->dir, "ca", "pem");
	if (!ret && !config)
		ret = make_pki_path(f[3].path, r->dir, "mcsecd", "conf");
	else if (!ret &&
		 snprintf(f[3].path, PATH_LEN, "%s", config) >= PATH_LEN)
		ret = complain(EXIT_USAGE, "config: name too long");
	return ret;
}

/* Write the configuration into *@text. */
static int make_config(json_t *member, const struct bundle_request *r,
		       const struct new_file *f, char **text)
{
	char crl[PATH_LEN];
	struct conf_source source = {
		.key = f[0].path,
		.certificate = f[1].path,
		.ca = f[2].path,
		.crl = crl,
		.member = member,
	};
	const struct local_settings local = { .interface = r->interface,
					      .interfaces = r->interfaces,
					      .forward = r->forward };
	const char *bad = add_local_settings(member, &local);
	struct err err;
	int ret;

	if (bad)
		return complain(EXIT_USAGE, "%s: not UTF-8", bad);
	ret = make_pki_path(crl, r->dir, "crl", "pem");
	if (ret)
		return ret;
	*text = write_conf_text(&source, f[3].path, &err);
	return *text ? EXIT_OK
		     : complain(EXIT_FAILED, "settings are refused: %s",
				err.text);
}

static int save_import(const struct bundle *b, const struct bundle_request *r,
		       json_t *member)
{
	struct new_file f[4] = {};
	char *pem[3] = {}, *text = NULL;
	bool made = false;
	int ret = plan_files(r, f);
	size_t i;

	if (!ret && (sigkey_pem(b->key, &pem[0], &f[0].len) ||
		     cert_chain_pem(b->chain, &pem[1], &f[1].len) ||
		     cert_chain_pem(b->cas, &pem[2], &f[2].len)))
		ret = complain(EXIT_FAILED, "import: out of memory");
	if (!ret && member)
		ret = make_config(member, r, f, &text);
	for (i = 0; i < 3; i++)
		f[i].text = pem[i];
	f[3].text = text;
	f[3].len = text ? strlen(text) : 0;
	if (!ret)
		ret = make_folder(r->dir, 0755, &made);
	if (!ret)
		ret = write_files(f, text ? 4 : 3, r->replace);
	if (ret && made)
		rmdir(r->dir);
	for (i = 0; i < 3; i++)
		secret_free(pem[i]);
	free(text);
	return ret;
}

static void tell_next(const struct bundle_request *r, const json_t *member)
{
	if (!member && r->keys_only)
		puts("no configuration was written, as keys-only says");
	else if (!member)
		puts("no configuration was written: the bundle has no settings");
	if (r->replace)
		puts("next: restart mcsecd, which does not read these again itself");
	else if (member)
		puts("next: \"mcsecctl doctor\" checks this host\n"
		     "then: \"systemctl enable --now mcsecd\" starts it, now and at boot");
}

/* Name the files, unless the request does, after what the certificate proves. */
static int name_import(const struct bundle *b, const char *path,
		       struct bundle_request *r, char id[static ID_LEN])
{
	int ret = identity_of(b->chain, path, id);

	if (!ret && !r->name) {
		r->name = id;
		ret = check_pki_name(id);
		if (ret)
			ret = complain(ret,
				       "\"name NAME\" gives the files another one");
	}
	return ret;
}

int pki_import(struct ctl *ctl, int argc, char **argv)
{
	struct bundle_request r = { .dir = DEFAULT_DIR };
	char id[ID_LEN], dir[PATH_LEN];
	json_t *member = NULL;
	struct bundle b = {};
	uint32_t seen;
	int ret;

	(void)ctl;
	if (!argc)
		return check_argc(argc, 1, 1);
	ret = read_words(import_words, argc - 1, argv + 1, &r, &seen);
	if (!ret && r.name)
		ret = check_pki_name(r.name);
	if (!ret)
		ret = make_absolute(r.dir, dir);
	r.dir = dir;
	if (!ret)
		ret = open_bundle(argv[0], &r, &b);
	if (!ret)
		ret = verify_bundle(&b, argv[0]);
	if (!ret)
		ret = name_import(&b, argv[0], &r, id);
	if (!ret)
		ret = read_settings(&b, argv[0], &r, &member);
	if (!ret)
		ret = save_import(&b, &r, member);
	if (!ret)
		tell_next(&r, member);
	json_decref(member);
	bundle_free(&b);
	return ret;
}
