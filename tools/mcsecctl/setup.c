// SPDX-License-Identifier: Apache-2.0
/*
 * The first configuration of a host, and for a key server the certificates that it
 * needs. All settings are checked before the first file is written.
 */
#include <errno.h>
#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf_text.h"
#include "crypto/bundle.h"
#include "crypto/pki.h"
#include "lib/file.h"
#include "lib/noaddr.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "pki.h"
#include "wire/proto.h"

#define STATE_DIR "/var/lib/mcsec"
#define LIST_MAX 64
#define NAT_PORT 4500

struct setup_request {
	const char *name;
	const char *dir;
	const char *config;
	const char *state;
	const char *listen;
	const char *group;
	const char *address;
	const char *rekey_address;
	const char *algorithm;
	const char *interface;
	const char *protocol;
	const char *mode;
	uint32_t port; /* 0: any */
	const char *interfaces[MCSEC_DEVS_MAX + 1];
	const char *senders[LIST_MAX + 1];
	const char *receivers[LIST_MAX + 1];
	const char *gcks;
	const char *gcks_id;
	bool send;
	bool receive;
	bool forward;
	bool replace;
};

#define AT(member) .off = offsetof(struct setup_request, member)
#define TEXT(n, t, m) WORD(n, t, set_string, AT(m))
/* These words select a part of the datagrams to the address. */
#define PROTOCOL TEXT("protocol", "a name or a number", protocol)
#define PORT \
	WORD("destination-port", "a port", set_u32, AT(port), .min = 1, \
	     .max = UINT16_MAX)
#define INTERFACES \
	WORD("interfaces", "interfaces", set_list, AT(interfaces), \
	     .max = MCSEC_DEVS_MAX)
/* Gateways have these. */
#define MODE TEXT("mode", "transport or tunnel", mode)
#define FORWARD WORD("forward", NULL, set_true, AT(forward))

const struct word setup_gcks_words[] = {
	TEXT("listen", "the address of this host", listen),
	TEXT("group", "a name", group),
	TEXT("address", "the multicast address to protect", address),
	PROTOCOL,
	PORT,
	INTERFACES,
	MODE,
	FORWARD,
	TEXT("rekey-address", "another multicast address", rekey_address),
	WORD("senders", "names", set_list, AT(senders), .max = LIST_MAX),
	WORD("receivers", "names", set_list, AT(receivers), .max = LIST_MAX),
	TEXT("algorithm", "a cipher of the configuration", algorithm),
	TEXT("interface", "an interface", interface),
	TEXT("dir", "a folder", dir),
	TEXT("config", "a file", config),
	TEXT("state", "a folder", state),
	WORD("replace", NULL, set_true, AT(replace)),
	{}
};

const struct word setup_member_words[] = {
	TEXT("gcks", "the key server's address", gcks),
	TEXT("gcks-id", "the key server's name", gcks_id),
	TEXT("group", "a name", group),
	TEXT("address", "the multicast address to protect", address),
	PROTOCOL,
	PORT,
	INTERFACES,
	MODE,
	FORWARD,
	WORD("send", NULL, set_true, AT(send)),
	WORD("receive", NULL, set_true, AT(receive)),
	TEXT("interface", "an interface", interface),
	TEXT("dir", "a folder", dir),
	TEXT("config", "a file", config),
	WORD("replace", NULL, set_true, AT(replace)),
	{}
};

/* The files of a host, and what goes into them. */
struct setup {
	struct setup_request r;
	char dir[PATH_LEN];
	char pki[PATH_LEN];
	char key[PATH_LEN];
	char cert[PATH_LEN];
	char ca[PATH_LEN];
	char crl[PATH_LEN];
	char conf[PATH_LEN];
	char *conf_text;
	struct new_file files[FILES_MAX];
	size_t n_files;
	void *owned[FILES_MAX]; /* texts, of secret_alloc() */
};

static int missing_word(const char *word, const char *why)
{
	return complain(EXIT_USAGE, "\"%s\" is missing: %s", word, why);
}

static int plan_paths(struct setup *s)
{
	int ret = make_absolute(s->r.dir, s->dir);

	if (!ret)
		ret = make_pki_path(s->key, s->dir, s->r.name, "key");
	if (!ret)
		ret = make_pki_path(s->cert, s->dir, s->r.name, "pem");
	if (!ret)
		ret = make_pki_path(s->ca, s->dir, "ca", "pem");
	if (!ret)
		ret = make_pki_path(s->crl, s->dir, "crl", "pem");
	if (!ret && s->r.config)
		ret = make_absolute(s->r.config, s->conf);
	else if (!ret)
		ret = make_pki_path(s->conf, s->dir, "mcsecd", "conf");
	if (!ret && snprintf(s->pki, PATH_LEN, "%s/pki", s->dir) >= PATH_LEN)
		ret = complain(EXIT_USAGE, "dir: too long");
	return ret;
}

/* ---- settings ----------------------------------------------------------- */

/* Return the names as a list, or NULL if one is not UTF-8. */
static json_t *names_json(const char *const *names)
{
	json_t *list = json_array();

	for (; *names && list; names++) {
		if (!json_array_append_new(list, json_string(*names)))
			continue;
		json_decref(list);
		list = NULL;
	}
	return list;
}

static int not_utf8(void)
{
	return complain(EXIT_USAGE, "a value is not UTF-8");
}

static int set_if(json_t *to, const char *name, const char *value)
{
	return value && json_object_set_new(to, name, json_string(value))
		       ? not_utf8()
		       : EXIT_OK;
}

/* Say which protocol and port; without these words the group has all of them. */
static int select_traffic(json_t *group, const struct setup_request *r)
{
	uint64_t number;

	if (r->port)
		json_object_set_new(group, "destination-port",
				    json_integer(r->port));
	if (r->protocol && parse_u64(r->protocol, &number) &&
	    number <= UINT8_MAX)
		json_object_set_new(group, "protocol",
				    json_integer((json_int_t)number));
	else
		return set_if(group, "protocol", r->protocol);
	return EXIT_OK;
}

/* Both ports of IKE at one address, or the port that was said. */
static int listen_json(const char *text, json_t **list)
{
	char at[EP_STRLEN];
	struct ep ep;
	struct addr a;

	if (ep_parse(text, GIKE_PORT, &ep))
		return complain(EXIT_USAGE,
				"listen \"%s\": not like 192.0.2.1 or 2001:db8::1: %s",
				text, ep_why_not(text));
	if (addr_is_any(&ep.addr) || addr_is_multicast(&ep.addr))
		return complain(EXIT_USAGE,
				"listen \"%s\": members need the address of one host",
				text);
	*list = json_array();
	json_array_append_new(*list, json_string(ep_str(&ep, at)));
	if (!addr_parse(text, &a)) {
		ep.port = NAT_PORT;
		json_array_append_new(*list, json_string(ep_str(&ep, at)));
	}
	return EXIT_OK;
}

static int gcks_json(const struct setup_request *r, json_t **gcks)
{
	char store[PATH_LEN + 16], seal[PATH_LEN + 16], state[PATH_LEN];
	json_t *group, *listen = NULL;
	int ret = make_absolute(r->state, state);

	if (!ret)
		ret = listen_json(r->listen, &listen);
	if (ret)
		return ret;
	snprintf(store, sizeof(store), "%s/gcks.db", state);
	snprintf(seal, sizeof(seal), "%s/seal.key", state);
	group = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", r->group,
			  "address", r->address, "rekey-address",
			  r->rekey_address, "algorithm",
			  r->algorithm ? r->algorithm : "aes-gcm-16-128",
			  "senders", names_json(r->senders), "receivers",
			  names_json(r->receivers));
	if (group)
		ret = set_if(group, "rekey-interface", r->interface);
	if (group && !ret)
		ret = set_if(group, "mode", r->mode);
	if (group && !ret)
		ret = select_traffic(group, r);
	*gcks = json_pack("{s:o, s:s, s:s, s:[o]}", "listen", listen, "store",
			  store, "seal-key", seal, "groups", group);
	return ret || *gcks ? ret : not_utf8();
}

static int set_local(json_t *member, const struct setup_request *r)
{
	const struct local_settings local = { .interface = r->interface,
					      .interfaces = r->interfaces,
					      .forward = r->forward };

	return add_local_settings(member, &local) ? not_utf8() : EXIT_OK;
}

/* Write the text into s->conf_text; @both adds the member of the own groups. */
static int make_gcks_text(struct setup *s, bool both)
{
	struct conf_source source = { .certificate = s->cert,
				      .key = s->key,
				      .ca = s->ca,
				      .crl = s->crl };
	struct conf *conf = NULL;
	json_t *gcks = NULL, *member = NULL;
	char at[EP_STRLEN];
	struct err err = {};
	int ret = gcks_json(&s->r, &gcks);

	if (ret)
		goto out;
	source.gcks = gcks;
	s->conf_text = write_conf_text(&source, s->conf, &err);
	if (s->conf_text && both &&
	    !conf_parse(s->conf_text, s->conf, &conf, &err)) {
		member = member_settings_of(conf, s->r.name,
					    ep_str(&conf->gcks->listen[0], at),
					    s->r.name, &err);
		ret = member ? set_local(member, &s->r) : EXIT_OK;
		source.member = member;
		free(s->conf_text);
		s->conf_text = member ? write_conf_text(&source, s->conf, &err)
				      : NULL;
	}
	if (!ret && !s->conf_text)
		ret = complain(EXIT_FAILED, "settings are refused: %s",
			       err.text);
out:
	conf_free(conf);
	json_decref(gcks);
	json_decref(member);
	return ret;
}

static int make_member_text(struct setup *s)
{
	struct conf_source source = { .certificate = s->cert,
				      .key = s->key,
				      .ca = s->ca,
				      .crl = s->crl };
	json_t *member = json_pack("{s:s, s:s, s:[{s:s, s:s, s:b, s:b}]}",
				   "gcks", s->r.gcks, "gcks-id", s->r.gcks_id,
				   "groups", "name", s->r.group, "address",
				   s->r.address, "send", s->r.send, "receive",
				   s->r.receive || !s->r.send);
	struct err err = {};
	json_t *group;
	int ret;

	if (!member)
		return not_utf8();
	group = json_array_get(json_object_get(member, "groups"), 0);
	ret = set_local(member, &s->r);
	if (!ret)
		ret = set_if(group, "mode", s->r.mode);
	if (!ret)
		ret = select_traffic(group, &s->r);
	source.member = member;
	if (!ret)
		s->conf_text = write_conf_text(&source, s->conf, &err);
	json_decref(member);
	if (ret)
		return ret;
	return s->conf_text ? EXIT_OK
			    : complain(EXIT_FAILED, "settings are refused: %s",
				       err.text);
}

/* ---- files -------------------------------------------------------------- */

/* Add a file; @text is of secret_alloc(), and freed with @s. */
static struct new_file *add_file(struct setup *s, const char *path, char *text,
				 size_t len, mode_t mode)
{
	struct new_file *f = &s->files[s->n_files];

	s->owned[s->n_files++] = text;
	snprintf(f->path, PATH_LEN, "%s", path);
	f->text = text;
	f->len = len;
	f->mode = mode;
	return f;
}

static int add_cert(struct setup *s, const char *path,
		    const struct pki_pair *pair)
{
	struct cert_der der = { pair->cert, pair->cert_len };
	struct cert_chain *chain;
	size_t len;
	char *pem;
	int ret = cert_chain_from_der(&der, 1, &chain, NULL);

	if (!ret) {
		ret = cert_chain_pem(chain, &pem, &len);
		cert_chain_free(chain);
	}
	if (ret)
		return complain(EXIT_FAILED, "certificate: %s", strerror(-ret));
	add_file(s, path, pem, len, 0644);
	return EXIT_OK;
}

static int add_key(struct setup *s, const char *path,
		   const struct pki_pair *pair, bool for_daemon)
{
	size_t len;
	char *pem;

	if (sigkey_pem(pair->key, &pem, &len))
		return complain(EXIT_FAILED, "key: out of memory");
	add_file(s, path, pem, len, 0600)->for_daemon = for_daemon;
	return EXIT_OK;
}

static int load_pair(const char *cert, const char *key, struct pki_pair *pair)
{
	struct err err;

	if (!pki_load(cert, key, pair, &err))
		return EXIT_OK;
	return complain(EXIT_FAILED, "setup: %s", err.text);
}

/* Load the authority of this host, or make it. */
static int load_or_issue_authority(struct setup *s, struct pki_pair *ca)
{
	const struct pki_req req = { .kind = PKI_CA,
				     .type = SIG_ED25519,
				     .name = "mcsec CA",
				     .not_before = time(NULL) - CLOCK_SKEW,
				     .not_after = time(NULL) +
						  CA_DAYS * SEC_PER_DAY };
	char cert[PATH_LEN], key[PATH_LEN];
	struct err err;
	int ret = make_pki_path(cert, s->pki, "ca", "pem");

	if (!ret)
		ret = make_pki_path(key, s->pki, "ca", "key");
	if (ret)
		return ret;
	if (path_exists(cert))
		return load_pair(cert, key, ca);
	if (path_exists(s->ca))
		return complain(EXIT_FAILED,
				"%s is of an authority that is not in %s: have it issue %s",
				s->ca, s->pki, s->cert);
	if (pki_issue(NULL, &req, ca, &err))
		return complain(EXIT_FAILED, "setup: %s", err.text);
	ret = add_key(s, key, ca, false);
	return ret ? ret : add_cert(s, cert, ca);
}

/* Take the certificate that "pki gcks" has made, or make it. */
static int load_or_issue_certificate(struct setup *s, const struct pki_pair *ca,
				     struct pki_pair *own)
{
	const char *dns[] = { s->r.name, NULL };
	const bool mail = strchr(s->r.name, '@');
	const struct pki_req req = { .kind = PKI_GCKS,
				     .type = SIG_ED25519,
				     .name = s->r.name,
				     .dns = mail ? NULL : dns,
				     .email = mail ? dns : NULL,
				     .not_before = time(NULL) - CLOCK_SKEW,
				     .not_after = time(NULL) +
						  CERT_DAYS * SEC_PER_DAY };
	char cert[PATH_LEN], key[PATH_LEN];
	struct err err;
	int ret = make_pki_path(cert, s->pki, s->r.name, "pem");

	if (!ret)
		ret = make_pki_path(key, s->pki, s->r.name, "key");
	if (ret)
		return ret;
	if (path_exists(cert))
		return load_pair(cert, key, own);
	if (pki_issue(ca, &req, own, &err))
		return complain(EXIT_FAILED, "setup: %s", err.text);
	return add_cert(s, cert, own);
}

/* Certificates that are there are used, and none are made beside them. */
static int plan_certificates(struct setup *s)
{
	struct pki_pair ca = {}, own = {};
	int ret;

	if (path_exists(s->cert) && path_exists(s->key) && path_exists(s->ca)) {
		ret = load_pair(s->cert, s->key, &own);
		pki_pair_free(&own);
		return ret;
	}
	ret = load_or_issue_authority(s, &ca);
	if (!ret)
		ret = load_or_issue_certificate(s, &ca, &own);
	if (!ret)
		ret = add_key(s, s->key, &own, true);
	if (!ret)
		ret = add_cert(s, s->cert, &own);
	if (!ret)
		ret = add_cert(s, s->ca, &ca);
	pki_pair_free(&ca);
	pki_pair_free(&own);
	return ret;
}

/* The daemon writes here, and makes no folder itself. */
static int make_state(const char *dir, bool *made)
{
	const struct passwd *pw = geteuid() ? NULL : getpwnam(DAEMON_USER);
	int ret = make_folder(dir, 0700, made);

	if (!ret && *made && pw && chown(dir, pw->pw_uid, pw->pw_gid)) {
		ret = complain(EXIT_FAILED, "folder %s: %s", dir,
			       strerror(errno));
		rmdir(dir);
		*made = false;
	}
	return ret;
}

static int save_setup(struct setup *s, bool gcks)
{
	bool made_dir = false, made_pki = false, made_state = false;
	int ret = make_folder(s->dir, 0755, &made_dir);

	if (!ret && gcks && s->n_files)
		ret = make_folder(s->pki, 0700, &made_pki);
	if (!ret && gcks)
		ret = make_state(s->r.state, &made_state);
	add_file(s, s->conf, secret_dup(s->conf_text, strlen(s->conf_text)),
		 strlen(s->conf_text), 0644);
	if (!ret && !s->files[s->n_files - 1].text)
		ret = complain(EXIT_FAILED, "out of memory");
	if (!ret)
		ret = write_files(s->files, s->n_files, s->r.replace);
	if (ret && made_state)
		rmdir(s->r.state);
	if (ret && made_pki)
		rmdir(s->pki);
	if (ret && made_dir)
		rmdir(s->dir);
	return ret;
}

static void free_setup(struct setup *s)
{
	size_t i;

	for (i = 0; i < s->n_files; i++)
		secret_free(s->owned[i]);
	free(s->conf_text);
}

/* ---- commands ----------------------------------------------------------- */

static int check_common(const struct setup_request *r)
{
	if (!r->group)
		return missing_word("group",
				    "a name, which is the same on all hosts");
	if (!r->address)
		return missing_word("address",
				    "the multicast address to protect, such as 239.1.1.1");
	if (r->interface && strlen(r->interface) >= IFNAMSIZ)
		return complain(EXIT_USAGE, "interface: name too long");
	return EXIT_OK;
}

static int check_gcks(const struct setup_request *r)
{
	if (!r->listen)
		return missing_word("listen",
				    "the address of this host that members can reach");
	if (!r->rekey_address)
		return missing_word("rekey-address",
				    "a multicast address of its own for new keys, such as 239.1.1.254");
	if (!r->senders[0] && !r->receivers[0])
		return complain(EXIT_USAGE,
				"\"senders\" or \"receivers\" is missing: names of members, such as a.example,b.example or *.example");
	return EXIT_OK;
}

/* Read NAME and the words into @s. */
static int read_setup(struct setup *s, const struct word *words, int argc,
		      char **argv)
{
	uint32_t seen;
	int ret;

	if (!argc)
		return check_argc(argc, 1, 1);
	s->r = (struct setup_request){ .name = argv[0],
				       .dir = DEFAULT_DIR,
				       .state = STATE_DIR };
	ret = check_pki_name(s->r.name);
	if (!ret)
		ret = read_words(words, argc - 1, argv + 1, &s->r, &seen);
	if (!ret)
		ret = check_common(&s->r);
	return ret ? ret : plan_paths(s);
}

static int setup_server(int argc, char **argv, bool both)
{
	struct setup s = {};
	int ret = read_setup(&s, setup_gcks_words, argc, argv);

	if (!ret)
		ret = check_gcks(&s.r);
	if (!ret && !both && s.r.interfaces[0])
		ret = complain(EXIT_USAGE,
			       "interfaces: of members only; \"interface\" is where a key server announces keys");
	if (!ret && !both && s.r.forward)
		ret = complain(EXIT_USAGE,
			       "forward: of members only; \"setup both\" makes this host one as well");
	if (!ret)
		ret = make_gcks_text(&s, both);
	if (!ret)
		ret = plan_certificates(&s);
	if (!ret)
		ret = save_setup(&s, true);
	if (!ret)
		printf("next, for each member: mcsecctl pki member %s NAME\n"
		       "                       mcsecctl pki bundle %s NAME\n"
		       "then: \"mcsecctl doctor\" checks this host\n"
		       "      \"systemctl enable --now mcsecd\" starts it, now and at boot\n",
		       s.pki, s.pki);
	free_setup(&s);
	return ret;
}

int setup_gcks(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return setup_server(argc, argv, false);
}

int setup_both(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return setup_server(argc, argv, true);
}

/* Load the certificate, key and authorities. Returns 0 or -errno. */
static int load_own(const struct setup *s, struct bundle *b, struct err *err)
{
	int ret;

	*b = (struct bundle){};
	ret = cert_chain_load(s->cert, &b->chain, err);
	if (!ret)
		ret = sigkey_load(s->key, &b->key, err);
	if (!ret)
		ret = cert_chain_load(s->ca, &b->cas, err);
	if (!ret && !cert_chain_fits_key(b->chain, b->key))
		ret = err_set(err, -EINVAL, "%s is not the key of %s", s->key,
			      s->cert);
	return ret;
}

/* A member has its certificate already, by a bundle or from its authority. */
static int check_own(const struct setup *s)
{
	int code = EXIT_OK;
	struct bundle b;
	struct err err;
	time_t ends;

	if (load_own(s, &b, &err))
		code = complain(EXIT_FAILED,
				"setup: %s; \"mcsecctl pki import\" writes these files",
				err.text);
	else if (bundle_verify(&b, time(NULL), &ends, &err))
		code = complain(EXIT_FAILED, "%s: %s", s->cert, err.text);
	bundle_free(&b);
	return code;
}

int setup_member(struct ctl *ctl, int argc, char **argv)
{
	struct setup s = {};
	int ret = read_setup(&s, setup_member_words, argc, argv);

	(void)ctl;
	if (!ret && !s.r.gcks)
		ret = missing_word("gcks", "the address of the key server");
	if (!ret && !s.r.gcks_id)
		ret = missing_word("gcks-id",
				   "the name in the key server's certificate");
	if (!ret)
		ret = make_member_text(&s);
	if (!ret)
		ret = check_own(&s);
	if (!ret)
		ret = save_setup(&s, false);
	if (!ret)
		puts("next: \"mcsecctl doctor\" checks this host\n"
		     "then: \"systemctl enable --now mcsecd\" starts it, now and at boot");
	free_setup(&s);
	return ret;
}

#define GCKS_USAGE \
	"NAME listen A group G address A rekey-address A [senders N,...] [receivers N,...] ..."

const struct command setup_commands[] = {
	COMMAND("gcks", setup_gcks, GCKS_USAGE,
		"write the configuration and the certificates of a key server",
		.words = setup_gcks_words),
	COMMAND("both", setup_both, GCKS_USAGE,
		"the same for a key server that is a member of its group, too",
		.words = setup_gcks_words),
	COMMAND("member", setup_member,
		"NAME gcks A gcks-id I group G address A [send] [receive] ...",
		"write the configuration of a member that has its certificate",
		.words = setup_member_words),
	{}
};
