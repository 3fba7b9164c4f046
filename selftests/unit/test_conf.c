// SPDX-License-Identifier: Apache-2.0
/*
 * A whole configuration is read as it was written, each refusal names file,
 * line and word, and nothing is read in part.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "conf/conf.h"
#include "crypto/ke.h"
#include "crypto/wrap.h"
#include "lib/util.h"
#include "tap.h"

static struct err err;

#define IDENTITY \
	"identity: { certificate = \"/c\"; key = \"/k\"; ca = \"/a\"; };\n"
#define WITH(more) \
	"identity: { certificate = \"/c\"; key = \"/k\"; ca = \"/a\"; " more \
	" };"
/* The text is on lines 2 to 7, and the group is on line 4. */
#define GCKS(gcks, group) \
	IDENTITY \
	"gcks: {\n" \
	"  store = \"/s\"; seal-key = \"/sk\"; " gcks "\n" \
	"  groups = ( { name = \"video\"; address = \"239.1.1.1\";\n" \
	"    rekey-address = \"239.1.1.254\"; receivers = [ \"*\" ];\n" \
	"    " group "\n" \
	"  } );\n" \
	"};\n"
#define MEMBER(member, group) \
	IDENTITY \
	"member: {\n" \
	"  gcks = \"10.0.0.1\"; gcks-id = \"gcks.example\"; " member "\n" \
	"  groups = ( { name = \"video\"; address = \"239.1.1.1\";\n" \
	"    " group "\n" \
	"  } );\n" \
	"};\n"

static struct conf *parse(const char *text)
{
	struct conf *c = NULL;

	if (conf_parse(text, "f", &c, &err))
		bail("%s", err.text);
	return c;
}

static void refused(const char *text, const char *where, const char *what)
{
	struct conf *c = NULL;
	int ret;

	err.text[0] = '\0';
	ret = conf_parse(text, "f", &c, &err);
	ok(ret == -EINVAL && !c && !strncmp(err.text, where, strlen(where)) &&
		   strstr(err.text, what),
	   "%s", err.text[0] ? err.text : where);
	conf_free(c);
}

static void defaults(void)
{
	struct conf *c = parse(GCKS("", ""));
	const struct conf_group *g = &c->gcks->groups[0];
	char buf[EP_STRLEN];

	is_str(c->control, CONF_DEFAULT_CONTROL, "control socket");
	is_int(c->log_level, LOG_LEVEL_INFO, "log level");
	ok(!c->member && !c->export_ike_keys,
	   "a section that is not there is none");
	is_int(c->gcks->n_listen, 4, "both families, two ports");
	ok(c->gcks->listen_default && c->gcks->listen[3].port == 4500,
	   "one of them for NAT traversal");
	is_str(ep_str(&c->gcks->listen[0], buf), "0.0.0.0:848", "IPv4");
	is_str(ep_str(&c->gcks->listen[1], buf), "[::]:848", "IPv6");
	ok(g->alg.encr == 20 && g->alg.key_bits == 128 &&
		   g->kek_alg.encr == 20 && g->kek_alg.key_bits == 256 &&
		   g->kwa == GIKE_KWA_5649_256 && g->rekey_sign == SIG_ED25519,
	   "defaults: algorithms");
	is_str(conf_alg_str(&g->alg), "aes-gcm-16-128",
	       "the algorithm has its name");
	is_str(ep_str(&g->rekey_to, buf), "239.1.1.254:848", "rekey address");
	ok(g->rekey_interval == 3600 && g->atd == 5 && g->dtd == 15 &&
		   g->lifetime == 7215 && g->kek_lifetime == 7215,
	   "defaults: times");
	ok(g->rekey_ttl == 32 && g->rekey_copies == 3 &&
		   g->sender_id_bits == 16 && g->max_sender_ids == 16 &&
		   g->max_members == 10000 && !g->batch_join_ms &&
		   !g->batch_leave_ms && g->membership_lifetime == 604800,
	   "the rest");
	is_int(g->line, 4, "where it stands");
	conf_free(c);
	c = parse(GCKS("", "atd = 0;"));
	is_int(c->gcks->groups[0].evict_atd, 0,
	       "no longer than atd for an eviction");
	conf_free(c);
	c = parse(MEMBER("", ""));
	is_str(ep_str(&c->member->gcks, buf), "10.0.0.1:848",
	       "the port of the key server");
	ok(!c->member->groups[0].send && c->member->groups[0].receive &&
		   c->member->groups[0].sender_ids >= 1 &&
		   c->member->groups[0].window == 1024 &&
		   c->member->groups[0].max_senders == 1024,
	   "a member receives");
	ok(addr_is_none(&c->member->local.addr) && !c->member->interface[0],
	   "the kernel chooses");
	conf_free(c);
}

#define ADDKE(list) "additional-key-exchange = " list ";"
#define P256_ALONE ADDKE("( \"p-256\" )")
#define EIGHT "[ \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\" ]"
#define ADDKE_POLICY(word) "additional-key-exchange-policy = \"" word "\";"

static void additional_key_exchanges(void)
{
	static const char *const names[] = { "ml-kem-768", "ml-kem-1024" };
	const struct conf_addke *a;
	struct conf *c, *other;
	char text[1024];
	struct err err;

	c = parse(GCKS("", ""));
	is_int(c->gcks->addke.n, 0, "there is no additional key exchange");
	conf_free(c);
	c = parse(GCKS(ADDKE("[ \"p-384\", \"x25519\" ]"), ""));
	a = &c->gcks->addke;
	ok(a->n == 2 && a->method[0] == IKE_KE_P384 &&
		   a->method[1] == IKE_KE_X25519,
	   "methods of a key server, in order");
	ok(a->required, "methods that are configured are required");
	other = parse(GCKS(ADDKE("[ \"x25519\", \"p-384\" ]"), ""));
	is_int(conf_reload_check(c, other, &err), -EBUSY,
	       "the order cannot change");
	ok(strstr(err.text, "gcks.additional-key-exchange"), "%s", err.text);
	conf_free(other);
	conf_free(c);
	c = parse(MEMBER(P256_ALONE ADDKE_POLICY("offered"), ""));
	a = &c->member->addke;
	ok(a->n == 1 && a->method[0] == IKE_KE_P256 && !a->required,
	   "a member offers a method");
	other = parse(MEMBER(P256_ALONE ADDKE_POLICY("required"), ""));
	ok(other->member->addke.required, "a member requires a method");
	is_int(conf_reload_check(c, other, &err), -EBUSY,
	       "the policy of a member cannot change");
	ok(strstr(err.text, "member.additional-key-exchange"), "%s", err.text);
	conf_free(other);
	conf_free(c);
	c = parse(MEMBER(ADDKE("[ ]"), ""));
	is_int(c->member->addke.n, 0, "an empty list is none");
	conf_free(c);

	refused(GCKS(ADDKE("[ \"p-521\" ]"), ""),
		"f:3: gcks.additional-key-exchange",
		"\"p-521\" is not one of x25519");
	refused(GCKS(ADDKE("[ \"p-256\", \"p-256\" ]"), ""),
		"f:3: gcks.additional-key-exchange",
		"\"p-256\" is there twice");
	refused(GCKS(ADDKE("\"p-256\""), ""),
		"f:3: gcks.additional-key-exchange", "has to be a list");
	refused(GCKS(ADDKE("[ 36 ]"), ""), "f:3: gcks.additional-key-exchange",
		"string in quotes");
	refused(GCKS(ADDKE(EIGHT), ""), "f:3: gcks.additional-key-exchange",
		"at most 7");
	refused(GCKS(ADDKE("[ \"p-256\" ]") ADDKE_POLICY("maybe"), ""),
		"f:3: gcks.additional-key-exchange-policy", "offered");
	refused(MEMBER(ADDKE_POLICY("required"), ""),
		"f:3: member.additional-key-exchange-policy",
		"no additional-key-exchange");
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), MEMBER(ADDKE("[ \"%s\" ]"), ""),
			 names[i]);
		if (ke_available(ke_by_name(names[i]))) {
			c = parse(text);
			is_int(c->member->addke.method[0], ke_by_name(names[i]),
			       "%s is in OpenSSL here", names[i]);
			conf_free(c);
		} else {
			refused(text, "f:3: member.additional-key-exchange",
				"is not in the OpenSSL of this host, 3.");
		}
	}
}

#define BARE_GCKS(audit) \
	"identity: { id = \"k.example\"; };\n" \
	"psk = ( { id = \"b.example\"; key = \"/p\"; } );\n" \
	"gcks: { store = \"/s\"; seal-key = \"/k\"; " audit "\n" \
	" groups = ( { name = \"v\"; address = \"239.1.1.1\";\n" \
	" rekey-address = \"239.1.1.2\"; senders = \"*\"; } ); };\n"

/* The key of the certificate signs the audit trail. */
static void audit_needs_certificate(void)
{
	struct conf *c = parse(GCKS("", ""));

	ok(c->gcks->audit, "a key server with a certificate has a trail");
	conf_free(c);
	c = parse(BARE_GCKS(""));
	ok(!c->gcks->audit, "a key server without a certificate has no trail");
	conf_free(c);
	c = parse(BARE_GCKS("audit = false;"));
	ok(!c->gcks->audit, "a key server without a certificate may say so");
	conf_free(c);
	refused(BARE_GCKS("audit = true;"), "f:3: gcks.audit",
		"needs a certificate");
	refused(BARE_GCKS("audit-required = true;"), "f:3: gcks.audit-required",
		"needs a certificate");
}

#define QUORUM(names, more) \
	"quorum = { administrators = [ " names " ]; " more " };"
#define THREE "\"x.example\", \"y.example\", \"z.example\""

static void quorum(void)
{
	struct conf *c, *other;
	const struct conf_quorum *q;

	c = parse(GCKS("", ""));
	is_int(c->gcks->quorum.needed, 0, "there is no quorum");
	conf_free(c);
	c = parse(GCKS(QUORUM(THREE, "needed = 2;"), ""));
	q = &c->gcks->quorum;
	is_int(q->admins.n, 3, "three administrators");
	is_int(q->needed, 2, "two of them are needed");
	ok(!q->orders, "orders need no quorum unless it says so");
	is_int(q->confirm_within, 86400, "a day to confirm an emergency");
	other = parse(GCKS(QUORUM(THREE, "needed = 1;"), ""));
	is_int(conf_reload_check(c, other, &err), -EBUSY,
	       "the quorum cannot change");
	ok(strstr(err.text, "gcks.quorum"), "%s", err.text);
	conf_free(other);
	other = parse(GCKS(QUORUM(THREE, "needed = 2; orders = true;"), ""));
	is_int(conf_reload_check(c, other, &err), -EBUSY,
	       "the orders that need a quorum cannot change");
	conf_free(other);
	conf_free(c);
	refused(GCKS(QUORUM(THREE, "needed = 4;"), ""),
		"f:3: gcks.quorum.needed",
		"4 is more than the 3 administrators");
	refused(GCKS(QUORUM(THREE, "needed = 0;"), ""),
		"f:3: gcks.quorum.needed", "0 is not in 1 to 32");
	refused(GCKS(QUORUM(THREE, ""), ""), "f:3: gcks.quorum.needed",
		"is missing");
	refused(GCKS(QUORUM("", "needed = 1;"), ""),
		"f:3: gcks.quorum.administrators", "1 to 32 identities");
	refused(GCKS(QUORUM("\"*.example\"", "needed = 1;"), ""),
		"f:3: gcks.quorum.administrators", "is a pattern");
	refused(GCKS(QUORUM("\"x.example\", \"X.example\"", "needed = 2;"), ""),
		"f:3: gcks.quorum.administrators", "is named twice");
	refused(GCKS(QUORUM(THREE, "needed = 2; confirm-within = 59;"), ""),
		"f:3: gcks.quorum.confirm-within",
		"59 is not in 60 to 2592000");
	refused(BARE_GCKS(QUORUM(THREE, "needed = 2;")), "f:3: gcks.quorum",
		"needs identity.ca");
}

#define WRAP(more) \
	"seal-wrap = { certificate = \"/c\"; key = \"handle:0x81000001\"; " more \
	" };"

#define TPM \
	"provider = \"tpm2\"; padding = \"pkcs1\"; " \
	"pin = \"credential:pin\"; recovery = [ \"/r\", \"/t\" ];"
#define WITH_KEY(uri) \
	"seal-wrap = { certificate = \"/c\"; key = \"" uri "\"; };"

/* A PIN that only the provider knows of would be tried at each start. */
static void seal_pins(void)
{
	static const char *const bad[] = {
		GCKS(WITH_KEY("pkcs11:object=o?pin-value=1"), ""),
		GCKS(WITH_KEY("pkcs11:object=o?pin-source=file:/p"), ""),
		GCKS(WITH_KEY("pkcs11:object=o;?pin-source=file:/p"), ""),
		GCKS(WITH_KEY("pkcs11:pin-source=file:/p;object=o"), ""),
		GCKS(WITH_KEY("pkcs11:object=o?type=private&PIN-SOURCE=/p"),
		     ""),
		GCKS(WITH_KEY("pkcs11:object=o?pin=1"), ""),
	};
	static const char good[] =
		GCKS(WITH_KEY("pkcs11:token=pin-pad;object=pins"), "");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		refused(bad[i], "f:3: gcks.seal-wrap.key",
			"\"seal-wrap.pin\" names a file or credential with it");
	conf_free(parse(good));
}

static void seal_places(void)
{
	struct conf *c = parse(GCKS("", ""));

	ok(!c->gcks->wrap.certificate, "a key is not wrapped by itself");
	conf_free(c);
	c = parse(GCKS(WRAP(""), ""));
	is_str(c->gcks->wrap.provider, "default", "OpenSSL's own provider");
	ok(c->gcks->wrap.oaep && !c->gcks->wrap.pin &&
		   !c->gcks->wrap.recovery.n,
	   "OAEP, no PIN, no recovery");
	conf_free(c);
	c = parse(GCKS(WRAP(TPM), ""));
	is_str(c->gcks->wrap.pin, "credential:pin", "a PIN in a credential");
	is_str(c->gcks->wrap.recovery.file[1], "/t", "a recovery certificate");
	ok(!c->gcks->wrap.oaep, "the older padding");
	conf_free(c);
	refused(GCKS(WRAP("padding = \"none\";"), ""),
		"f:3: gcks.seal-wrap.padding", "there is \"oaep\", \"pkcs1\"");
	refused(GCKS(WRAP("provider = \"/tmp/x\";"), ""),
		"f:3: gcks.seal-wrap.provider", "not the name of a provider");
	refused(GCKS(WRAP("recovery = [ ];"), ""),
		"f:3: gcks.seal-wrap.recovery", "1 to 8 files");
	refused(GCKS(WRAP("recovery = [ \"r\" ];"), ""),
		"f:3: gcks.seal-wrap.recovery[0]", "not an absolute path");
	refused(GCKS(WRAP("pin = \"1234\";"), ""), "f:3: gcks.seal-wrap.pin",
		"not an absolute path");
	refused(GCKS("seal-wrap = { certificate = \"/c\"; key = \"/k\"; };",
		     ""),
		"f:3: gcks.seal-wrap.key", "is not a URI such as");
	seal_pins();
	refused(GCKS("seal-wrap = { key = \"handle:1\"; };", ""),
		"f:3: gcks.seal-wrap", "certificate");
}

#define CREDENTIAL(name, more) \
	IDENTITY "gcks: { store = \"/s\"; seal-key = \"" name "\"; " more \
		 " groups = ( { name = \"v\"; address = \"239.1.1.1\"; " \
		 "rekey-address = \"239.1.1.2\"; senders = \"*\"; } ); };\n"

static void seal_credentials(void)
{
	struct conf *c = parse(CREDENTIAL("credential:mcsec.seal", ""));

	is_str(c->gcks->seal_key, "credential:mcsec.seal", "a credential");
	conf_free(c);
	refused(CREDENTIAL("credential:a/b", ""), "f:2: gcks.seal-key",
		"\"a/b\" is not the name of a credential");
	refused(CREDENTIAL("credential:", ""), "f:2: gcks.seal-key",
		"is not the name of a credential");
	refused(CREDENTIAL("seal.key", ""), "f:2: gcks.seal-key",
		"is not an absolute path");
	refused(CREDENTIAL("credential:k", WRAP("")), "f:2: gcks.seal-wrap",
		"a credential is not wrapped again");
}

static void everything(void)
{
	static const char *const examples[] = {
		"gcks", "member", "gateway", "ospf", "pim",
		"ptp",	"vrrp",	  "vxlan",   "dds",  "psk",
	};
	char example[512];
	char path[] = "/tmp/mcsec-conf-XXXXXX", *text = NULL;
	size_t n = 0;
	struct conf *c;
	ssize_t got;
	int fd, in;

	/* The sample of the fuzzer has every setting. */
	in = open(SRCDIR "/selftests/fuzz/corpus/conf/all", O_RDONLY);
	fd = mkstemp(path);
	text = calloc(1, 8192);
	if (in < 0 || fd < 0 || !text)
		bail("no sample");
	while ((got = read(in, text + n, 8191 - n)) > 0)
		n += (size_t)got;
	close(in);
	if (write(fd, text, n) != (ssize_t)n)
		bail("write");
	is_int(conf_load(path, &c, &err), 0, "from a file: %s", err.text);
	ok(c->gcks && c->member && !strcmp(c->file, path), "both roles");
	is_str(c->export_ike_keys, "/tmp/k", "everything: debugging");
	is_int(c->n_psks, 2, "pre-shared keys");
	ok(c->gcks->sa_lifetime == 100 && c->gcks->sa_rekey == 50 &&
		   c->member->sa_lifetime == 200 && !c->member->sa_rekey,
	   "lifetimes of IKE SAs");
	ok(c->gcks->fragment_size == 576 && !c->member->fragment_size,
	   "sizes of IKE fragments");
	ok(c->gcks->plain_ike, "IKE SAs without key wrap");
	is_str(c->psks[1].id, "key-id:plc-7", "the second key has its owner");
	is_str(c->psks[1].key, "/p2", "the file of the second key");
	ok(c->n_ppks == 2 && !c->ppks[0].mandatory && c->ppks[1].mandatory,
	   "a PPK is mandatory unless it is said not to be");
	is_str(c->ppks[0].name, "q1", "the name of the first PPK");
	is_int(c->gcks->groups[0].kek_lifetime, 0x70, "a number in hex");
	is_int(c->gcks->groups[0].batch_leave_ms, 200, "a long number");
	is_int(c->gcks->groups[0].senders.n, 2, "two senders");
	is_int(c->gcks->listen[1].port, 4500, "a port");
	is_int(c->member->groups[0].sender_ids, 2, "Sender-IDs");
	conf_free(c);
	if (ftruncate(fd, (off_t)n / 2))
		bail("truncate");
	is_int(conf_load(path, &c, &err), -EINVAL, "cut: %s", err.text);
	close(fd);
	unlink(path);
	is_int(conf_load(path, &c, &err), -ENOENT, "gone: %s", err.text);
	is_int(conf_load("/", &c, &err), -EISDIR, "a folder: %s", err.text);
	free(text);
	for (n = 0; n < sizeof(examples) / sizeof(examples[0]); n++) {
		snprintf(example, sizeof(example),
			 SRCDIR "/Documentation/examples/%s.conf", examples[n]);
		is_int(conf_load(example, &c, &err), 0, "the example %s: %s",
		       examples[n], err.text);
		conf_free(c);
	}
}

/* Text or brackets that are not closed are reported by libconfig on another line. */
static void quotes(void)
{
	static const struct {
		const char *text, *what;
	} files[] = {
		{ "# \"\nlog-level = \"info;\ncontrol = \"/x\";\n",
		  ":2: a quote is not closed" },
		{ "control = \"a\\\"b\"; // \"\n/* \" */ control = \"/x;\n",
		  ":2: a quote is not closed" },
		{ "control = \"/x\";\n\nlog-level = ;\n", ":3: syntax error" },
		{ "member: {\n groups = (\n  { name = \"x\";\n );\n};\n",
		  ":3: the { of this line is not closed (noticed on line 4)" },
		{ "# (\nmember: { // [\n name = \"(\";\n x = 1;\n",
		  ":2: the { of this line is not closed (noticed on line 5)" },
		{ "gcks: {\n x = ;\n y = 2;\n", ":2: syntax error" },
	};
	char path[] = "/tmp/mcsec-conf-XXXXXX";
	struct conf *c = NULL;
	int fd = mkstemp(path);
	size_t n;

	for (n = 0; n < sizeof(files) / sizeof(files[0]); n++) {
		if (fd < 0 || ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) ||
		    dprintf(fd, "%s", files[n].text) < 0)
			bail("a file of text");
		is_int(conf_load(path, &c, &err), -EINVAL, "a syntax error");
		ok(strstr(err.text, files[n].what), "the right line: %s",
		   err.text);
	}
	close(fd);
	unlink(path);
}

#define INBAND_GCKS(how, more) \
	IDENTITY \
	"gcks: { store = \"/s\"; seal-key = \"/k\"; groups = (\n" \
	"  { name = \"v\"; address = \"239.1.1.1\"; receivers = \"*\";\n" how \
	" }" more " ); };\n"

#define INBAND_SECOND \
	", { name = \"w\"; address = \"239.1.1.2\"; receivers = \"*\";\n" \
	" inband = \"always\"; }"

/* A group whose members are all rekeyed inband needs no address for that. */
static void inband(void)
{
	struct conf *c = parse(GCKS("", "inband = \"asked\"; max-inband = 9;"));

	ok(c->gcks->groups[0].inband == INBAND_ASKED &&
		   c->gcks->groups[0].max_inband == 9,
	   "inband rekeys are allowed");
	conf_free(c);
	c = parse(INBAND_GCKS(" inband = \"always\";", INBAND_SECOND));
	ok(addr_is_none(&c->gcks->groups[1].rekey_to.addr),
	   "two groups without a rekey-address");
	is_int(c->gcks->groups[0].max_inband, 256, "the default of max-inband");
	conf_free(c);
	c = parse(MEMBER("", "inband = true;"));
	ok(c->member->groups[0].inband, "a member asks for inband rekeys");
	conf_free(c);
	refused(INBAND_GCKS("", ""), "f:3: gcks.groups[0].rekey-address",
		"is missing");
	refused(INBAND_GCKS(" inband = \"asked\";", ""),
		"f:3: gcks.groups[0].rekey-address", "inband = \"always\"");
	refused(GCKS("", "inband = \"sometimes\";"),
		"f:6: gcks.groups[0].inband", "\"always\"");
	refused(GCKS("", "max-inband = 0;"), "f:6: gcks.groups[0].max-inband",
		"1 to 8192");
}

static void words(void)
{
	refused("", "f:1: identity", "is missing");
	refused("x", "f:1: ", "syntax error");
	refused("a = 1h;",
		"f:1: ", "syntax error; a value is a number without a unit");
	refused(IDENTITY, "f:1: gcks, member", "one of the two roles");
	refused(IDENTITY "gcks = 1;", "f:2: gcks", "a group");
	refused(IDENTITY "gcsk: { };", "f:2: gcsk", "\"gcks\"");
	refused("identity: { certificate = \"/c\"; key = \"/k\"; };",
		"f:1: identity.ca", "is missing");
	refused("identity: { id = \"a\"; ca = \"/a\"; };", "f:1: identity.id",
		"without a certificate");
	refused("identity: { id = \"a\"; crl = \"/l\"; };", "f:1: identity.crl",
		"peers with certificates");
	refused(WITH("crl-policy = \"strict\";"), "f:1: identity.crl-policy",
		"crl is missing");
	refused(WITH("crl = \"/l\"; crl-policy = \"lax\";"),
		"f:1: identity.crl-policy", "relaxed");
	refused(WITH("crl = \"l\";"), "f:1: identity.crl", "absolute path");
	refused(WITH("crl-numbers = \"/n\";"), "f:1: identity.crl-numbers",
		"crl is missing");
	refused("identity: { id = \"a\"; }; psk = 1;", "f:1: psk",
		"has to be a list");
	refused("identity: { id = \"a\"; }; psk = ( { id = \"b\"; } );",
		"f:1: psk[0].key", "is missing");
	refused("identity: { id = \"a\"; };\n"
		"gcks: { store = \"/s\"; seal-key = \"/k\"; groups = ( {\n"
		" name = \"v\"; address = \"239.1.1.1\";\n"
		" rekey-address = \"239.1.1.2\"; senders = \"*\"; } ); };",
		"f:1: psk", "no certificate");
	refused("identity: { id = \"a\"; };\n"
		"psk = ( { id = \"b\"; key = \"/k\"; } );\n"
		"member: { gcks = \"10.0.0.1\"; gcks-id = \"c\"; groups = ( {\n"
		" name = \"v\"; address = \"239.1.1.1\"; } ); };",
		"f:3: member.gcks-id", "no pre-shared key");
	refused(IDENTITY
		"member: { gcks = \"10.0.0.1\"; gcks-id = \"key-id:k\";\n"
		" groups = ( { name = \"v\"; address = \"239.1.1.1\"; } ); };",
		"f:2: member.gcks-id", "no certificate has a key-id");
	refused(IDENTITY
		"member: { gcks = \"10.0.0.1\"; gcks-id = \"key-id:a b\";\n"
		" groups = ( { name = \"v\"; address = \"239.1.1.1\"; } ); };",
		"f:2: member.gcks-id", "key-id:NAME");
	refused(GCKS("fragment-size = 575;", ""), "f:3: gcks.fragment-size",
		"less than 576");
	refused(GCKS("sa-lifetime = 100; sa-rekey = 100;", ""),
		"f:3: gcks.sa-rekey", "less than sa-lifetime");
	refused("identity: { certificate = \"c.pem\"; };",
		"f:1: identity.certificate", "absolute path");
	refused("identity: { certificate = 1; };", "f:1: identity.certificate",
		"string in quotes");
	refused(GCKS("", "rekey-intervall = 5;"),
		"f:6: gcks.groups[0].rekey-intervall", "\"rekey-interval\"");
	refused(GCKS("", "zzzzzz = 5;"), "f:6: gcks.groups[0].zzzzzz",
		"\"sender-id-bits\"");
	refused(GCKS("", "rekey-interface = \"a/b\";"),
		"f:6: gcks.groups[0].rekey-interface",
		"\"a/b\" is not the name of an interface");
	refused(GCKS("", "rekey-interface = \"..\";"),
		"f:6: gcks.groups[0].rekey-interface",
		"\"..\" is not the name of an interface");
	refused(MEMBER("interface = \"a b\";", ""), "f:3: member.interface",
		"is not the name of an interface");
	refused(MEMBER("interface = \"a234567890123456\";", ""),
		"f:3: member.interface", "is not the name of an interface");
	refused(GCKS("", "algorithm = \"aes-gcm-128\";"),
		"f:6: gcks.groups[0].algorithm", "\"aes-gcm-16-128\"");
	refused(GCKS("", "algorithm = \"aes-cbc\";"),
		"f:6: gcks.groups[0].algorithm", "aes-g");
	refused(GCKS("", "kek-algorithm = \"aes-gmac-128\";"),
		"f:6: gcks.groups[0].kek-algorithm", "is not known");
	refused(GCKS("", "name = \"x\"; name = \"y\";"), "f:6: ", "uplicate");
	refused("log-level = \"dbug\";", "f:1: log-level", "\"debug\"");
	refused(GCKS("", "rekey-ttl = true;"), "f:6: gcks.groups[0].rekey-ttl",
		"whole number");
	refused(GCKS("", "rekey-ttl = 1.5;"), "f:6: gcks.groups[0].rekey-ttl",
		"whole number");
	refused(MEMBER("", "send = 1;"), "f:5: member.groups[0].send",
		"true or false");
	refused(GCKS("", "senders = 5;"), "f:6: gcks.groups[0].senders",
		"list of strings");
	refused(GCKS("", "senders = ( \"a\", 5 );"),
		"f:6: gcks.groups[0].senders[1]", "string in quotes");
	refused(GCKS("", "senders = [ \"a.*.example\" ];"),
		"f:6: gcks.groups[0].senders[0]", "pattern");
	refused(GCKS("", "senders = [ \"*example\" ];"),
		"f:6: gcks.groups[0].senders[0]", "pattern");
	refused(GCKS("", "senders = [ \"\" ];"),
		"f:6: gcks.groups[0].senders[0]", "octets");
	refused(GCKS("", "senders = [ \"a\\nb\" ];"),
		"f:6: gcks.groups[0].senders[0]", "control character");
}

static void ranges(void)
{
	refused(GCKS("", "rekey-ttl = 0;"), "f:6: gcks.groups[0].rekey-ttl",
		"not in 1 to 255");
	refused(GCKS("", "rekey-port = 65536;"),
		"f:6: gcks.groups[0].rekey-port", "not in 1 to 65535");
	refused(GCKS("", "rekey-interval = -1;"),
		"f:6: gcks.groups[0].rekey-interval", "not in");
	refused(GCKS("", "lifetime = 4294967297L;"),
		"f:6: gcks.groups[0].lifetime", "not in");
	refused(GCKS("", "lifetime = 99999999999999999999;"),
		"f:6: gcks.groups[0].lifetime", "not in");
	refused(GCKS("", "sender-id-bits = 10;"),
		"f:6: gcks.groups[0].sender-id-bits", "8, 12 or 16");
	refused(MEMBER("", "replay-window = 100;"),
		"f:5: member.groups[0].replay-window", "power of two");
	refused(GCKS("listen = ( \"10.0.0.1:0\" );", ""), "f:3: gcks.listen[0]",
		"like \"192.0.2.1:848\"");
	refused(GCKS("listen = ( );", ""), "f:3: gcks.listen", "list of 1");
	refused(GCKS("listen = ( \"239.1.1.1:848\" );", ""),
		"f:3: gcks.listen[0]", "multicast");
	refused(GCKS("listen = ( \"[fe80::1%nosuch0]:848\" );", ""),
		"f:3: gcks.listen[0]", "interface");
	refused(IDENTITY
		"gcks: { store = \"/s\"; seal-key = \"/k\"; groups = ( ); };",
		"f:2: gcks.groups", "list of 1");
	refused(IDENTITY "gcks: { groups = ( { name = \"a b\"; } ); };",
		"f:2: gcks.groups[0].name", "blanks");
	refused(IDENTITY "gcks: { groups = ( { name = \"\"; } ); };",
		"f:2: gcks.groups[0].name", "1 to 31");
	refused(IDENTITY "gcks: { groups = ( { name = "
			 "\"12345678901234567890123456789012\"; } ); };",
		"f:2: gcks.groups[0].name", "1 to 31");
	refused(IDENTITY "gcks: { groups = ( { address = \"10.0.0.1\"; } ); };",
		"f:2: gcks.groups[0].address", "not a multicast address");
	refused(IDENTITY "gcks: { groups = ( { address = \"239.1.1\"; } ); };",
		"f:2: gcks.groups[0].address", "not an IP address");
	refused(GCKS("", "rekey-source = \"239.1.1.1\";"),
		"f:6: gcks.groups[0].rekey-source", "one host");
}

static void together(void)
{
	refused(GCKS("", "atd = 5; dtd = 5;"), "f:6: gcks.groups[0].dtd",
		"greater than atd");
	refused(GCKS("", "atd = 15;"), "f:4: gcks.groups[0].dtd",
		"greater than atd");
	refused(GCKS("", "evict-atd = 6;"), "f:6: gcks.groups[0].evict-atd",
		"greater than atd");
	refused(GCKS("", "lifetime = 3615;"), "f:6: gcks.groups[0].lifetime",
		"rekey-interval + dtd");
	refused(GCKS("", "kek-lifetime = 3615;"),
		"f:6: gcks.groups[0].kek-lifetime", "rekey-interval + dtd");
	refused(GCKS("", "rekey-interval = 15;"),
		"f:6: gcks.groups[0].rekey-interval", "greater than dtd");
	refused(GCKS("", "key-wrap = \"kw-128\";"),
		"f:6: gcks.groups[0].key-wrap", "weaker");
	refused(GCKS("", "sender-id-bits = 8; max-sender-ids = 256;"),
		"f:6: gcks.groups[0].max-sender-ids",
		"less than 2^sender-id-bits");
	refused(GCKS("", "rekey-source = \"2001:db8::1\";"),
		"f:6: gcks.groups[0].rekey-source", "family");
	refused(GCKS("", "} , { name = \"video\"; address = \"239.1.1.2\"; "
			 "rekey-address = \"239.1.1.254\"; receivers = \"*\";"),
		"f:6: gcks.groups[1].name", "another group");
	refused(GCKS("", "} , { name = \"audio\"; address = \"239.1.1.1\"; "
			 "rekey-address = \"239.1.1.254\"; receivers = \"*\";"),
		"f:6: gcks.groups[1].address", "another group");
	refused(GCKS("", "} , { name = \"audio\"; address = \"239.1.1.2\"; "
			 "rekey-address = \"239.1.1.1\"; receivers = \"*\";"),
		"f:6: gcks.groups[1].rekey-address", "only ESP");
	refused(GCKS("", "} , { name = \"audio\"; address = \"239.1.1.254\"; "
			 "rekey-address = \"239.1.1.253\"; receivers = \"*\";"),
		"f:5: gcks.groups[0].rekey-address", "only ESP");
	refused(GCKS("", "} , { name = \"audio\"; address = \"239.1.1.2\"; "
			 "rekey-address = \"239.1.1.2\"; receivers = \"*\";"),
		"f:6: gcks.groups[1].rekey-address", "own address");
	refused(GCKS("", "} , { name = \"audio\"; address = \"239.1.1.2\"; "
			 "rekey-address = \"239.1.1.253\";"),
		"f:6: gcks.groups[1].receivers", "both empty");
	refused(GCKS("", "} , { name = \"audio\"; address = \"239.1.1.2\"; "
			 "rekey-address = \"239.1.1.254\"; receivers = \"*\";"),
		"f:6: gcks.groups[1].rekey-address", "same rekey-port");
	refused(GCKS("listen = [ \"10.0.0.1:848\", \"10.0.0.1\" ];", ""),
		"f:3: gcks.listen", "twice");
	refused(GCKS("max-half-open = 10;", ""), "f:2: gcks.cookie-threshold",
		"never");
	refused(MEMBER("", "receive = false;"), "f:4: member.groups[0]",
		"both false");
	refused(MEMBER("local = \"[2001:db8::1]:848\";", ""),
		"f:3: member.local", "family");
	refused(MEMBER("", "} , { name = \"audio\"; address = \"239.1.1.1\";"),
		"f:5: member.groups[1].address", "another group");
	refused(IDENTITY
		"member: { gcks = \"10.0.0.1\"; gcks-id = \"a b\"; "
		"groups = ( { name = \"v\"; address = \"239.1.1.1\"; } ); };",
		"f:2: member.gcks-id", "neither a DNS name");
	refused(IDENTITY
		"member: { gcks = \"0.0.0.0\"; gcks-id = \"a\"; "
		"groups = ( { name = \"v\"; address = \"239.1.1.1\"; } ); };",
		"f:2: member.gcks", "one host");
	refused(IDENTITY "member: { groups = ( { name = \"v\"; } ); };",
		"f:2: member.groups[0].address", "is missing");
	refused(GCKS("",
		     "") "member: { gcks = \"10.0.0.1\"; gcks-id = \"a\";\n"
			 "groups = ( { name = \"video\"; address = \"239.1.1.9\"; } ); };",
		"f:10: member.groups[0].address", "gcks has");
	refused(GCKS("",
		     "") "member: { gcks = \"10.0.0.1\"; gcks-id = \"a\";\n"
			 "groups = ( { name = \"v\"; address = \"239.1.1.254\"; } ); };",
		"f:10: member.groups[0].address", "rekey-address");
}

/* A list is searched alike with an index and without. */
static bool matches(char **list, size_t n, const char *id)
{
	struct conf_names names = { .v = list, .n = n };
	bool found = conf_names_match(&names, id);

	if (conf_names_index(&names))
		bail("no memory");
	if (conf_names_match(&names, id) != found)
		ok(false, "the index finds \"%s\" as well: %d", id, found);
	free(names.index);
	return found;
}

static void names(void)
{
	char *list[] = { "A.example", "*.b.example", "192.0.2.1" };
	size_t n = 3;

	ok(matches(list, n, "a.EXAMPLE"), "a name, case ignored");
	ok(!matches(list, n, "xa.example") &&
		   !matches(list, n, "a.example.org"),
	   "all of it");
	ok(matches(list, n, "x.B.example") && matches(list, n, "x.y.b.example"),
	   "a pattern");
	ok(!matches(list, n, "b.example") && !matches(list, n, ".b.example") &&
		   !matches(list, n, "xb.example"),
	   "a pattern needs a label before the dot");
	ok(!matches(list, n, "CN=x.b.example") &&
		   !matches(list, n, "O=x,CN=y.b.example") &&
		   !matches(list, n, "x@y.b.example"),
	   "a pattern matches no subjects and mail addresses");
	list[1] = "*.2.1";
	ok(matches(list, n, "x.2.1") && !matches(list, n, "198.51.2.1"),
	   "a pattern of names does not match addresses");
	list[1] = "*.b.example";
	ok(matches(list, n, "192.0.2.1") && !matches(list, n, "192.0.2.10"),
	   "an address");
	ok(!matches(list, n, "") && !matches(list, n, "*"),
	   "an identity is no pattern");
	list[2] = "*";
	ok(matches(list, n, "anybody"), "names: a pattern admits anybody");
	n = 0;
	ok(!matches(list, n, "anybody"), "an empty list is nobody");
}

/* A group of a key server, or of a member, whose Data SAs are on line 4. */
#define GCKS_DATA(data, group) \
	IDENTITY \
	"gcks: {\n" \
	"  store = \"/s\"; seal-key = \"/sk\";\n" \
	"  groups = ( { name = \"video\"; data = " data ";\n" \
	"    rekey-address = \"239.1.1.254\"; receivers = [ \"*\" ];\n" \
	"    " group "\n" \
	"  } );\n" \
	"};\n"
#define MEMBER_DATA(data, group) \
	IDENTITY \
	"member: {\n" \
	"  gcks = \"10.0.0.1\"; gcks-id = \"gcks.example\";\n" \
	"  groups = ( { name = \"video\"; data = " data ";\n" \
	"    " group "\n" \
	"  } );\n" \
	"};\n"
#define TWO "( { address = \"239.2.0.0/16\"; }, { address = \"239.3.1.1\"; } )"

static void several_data(void)
{
	static const char both[] =
		"( { address = \"239.2.0.0/16\"; },"
		"  { address = \"ff0e::1\"; source = \"2001:db8::/64\"; protocol = \"udp\";"
		"    destination-port = 9; algorithm = \"chacha20-poly1305\"; },"
		"  { address = \"239.2.0.1\"; algorithm = \"aes-gmac-128\"; } )";
	char text[2048], buf[CONF_GROUP_NAME_MAX + 1], sel[SELECTOR_STRLEN];
	const struct conf_mgroup *m;
	const struct conf_group *g;
	struct conf *c;

	/* The setting of the group is the default of all, wherever it stands. */
	snprintf(text, sizeof(text),
		 GCKS_DATA("%s", "algorithm = \"aes-gcm-16-256\";"), both);
	c = parse(text);
	g = &c->gcks->groups[0];
	is_int(conf_n_data(g), 3, "three Data SAs");
	is_str(selector_str(conf_sel(g, 0), sel), "239.2.0.0/16", "the first");
	is_str(conf_alg_str(conf_alg(g, 0)), "aes-gcm-16-256",
	       "the first Data SA has the algorithm of the group");
	is_str(selector_str(conf_sel(g, 1), sel),
	       "ff0e::1 src 2001:db8::/64 proto udp dport 9", "the second");
	is_str(conf_alg_str(conf_alg(g, 1)), "chacha20-poly1305",
	       "the second Data SA has an algorithm of its own");
	is_str(conf_alg_str(conf_alg(g, 2)), "aes-gmac-128",
	       "the third Data SA has an algorithm of its own");
	conf_free(c);
	c = parse(GCKS_DATA("( { address = \"239.2.0.0/16\"; } )", ""));
	is_int(conf_n_data(&c->gcks->groups[0]), 1, "a list of one");
	conf_free(c);

	c = parse(MEMBER_DATA(TWO, "send = true;"));
	m = &c->member->groups[0];
	is_int(conf_n_flows(m), 2, "two Data SAs of a member");
	is_str(conf_flow_name(m, 0, buf), "video", "the kernel's first group");
	is_str(conf_flow_name(m, 1, buf), "video#2", "the kernel's second");
	is_int(conf_flow_of(m, conf_flow_sel(m, 1)), 1, "a flow is found");
	conf_free(c);

	refused(GCKS_DATA("()", ""), "f:4: gcks.groups[0].data", "1 to 8");
	refused(GCKS_DATA("\"239.1.1.1\"", ""), "f:4: gcks.groups[0].data",
		"list");
	refused(GCKS_DATA("( \"239.1.1.1\" )", ""),
		"f:4: gcks.groups[0].data[0]", "{ ... }");
	refused(GCKS_DATA("( { source = \"10.0.0.1\"; } )", ""),
		"f:4: gcks.groups[0].data[0].address", "missing");
	refused(GCKS_DATA(TWO, "address = \"239.1.1.1\";"),
		"f:6: gcks.groups[0].address", "an entry of data");
	refused(GCKS_DATA(TWO, "destination-port = 5;"),
		"f:6: gcks.groups[0].destination-port", "an entry of data");
	refused(GCKS_DATA("( { address = \"239.2.1.1\"; lifetime = 5; } )", ""),
		"f:4: gcks.groups[0].data[0].lifetime", "no such setting");
	refused(MEMBER_DATA("( { address = \"239.2.1.1\"; algorithm = \"aes-gcm-16-128\"; } )",
			    ""),
		"f:4: member.groups[0].data[0].algorithm", "no such setting");
	refused(GCKS_DATA("( { address = \"239.2.1.1\"; },"
			  "  { address = \"239.2.1.1\"; } )",
			  ""),
		"f:4: gcks.groups[0].data[1].address",
		"another Data SA of the group has it");
	refused(MEMBER_DATA("( { address = \"239.2.0.0/16\"; protocol = \"udp\"; },"
			    "  { address = \"239.2.1.1\"; protocol = \"ospf\"; },"
			    "  { address = \"239.2.1.0/24\"; } )",
			    ""),
		"f:4: member.groups[0].data[2].address",
		"(239.2.0.0/16 proto udp) selects some of the same datagrams");
	refused(GCKS_DATA("( { address = \"239.2.1.1\"; destination-port = 5; } )",
			  ""),
		"f:4: gcks.groups[0].data[0].destination-port", "protocol");
	refused(GCKS_DATA("( { address = \"239.2.1.1\"; },"
			  "  { address = \"239.1.1.0/24\"; } )",
			  ""),
		"f:5: gcks.groups[0].rekey-address", "own address");
	refused(GCKS_DATA("( { address = \"239.2.1.1\"; },"
			  "  { address = \"239.2.1.2\"; algorithm = \"aes-gcm-16-256\"; } )",
			  "key-wrap = \"kw-128\"; kek-algorithm = \"aes-gcm-16-128\";"),
		"f:6: gcks.groups[0].key-wrap", "weaker");
	/* The kernel's names of the Data SAs are those of groups, too. */
	refused(IDENTITY
		"member: { gcks = \"10.0.0.1\"; gcks-id = \"gcks.example\";\n"
		"groups = ( { name = \"a\"; data = " TWO "; },\n"
		"{ name = \"a#2\"; address = \"239.9.9.9\"; } ); };",
		"f:4: member.groups[1].name",
		"\"a#2\" is that of a Data SA of another group");
	refused(IDENTITY
		"member: { gcks = \"10.0.0.1\"; gcks-id = \"gcks.example\";\n"
		"groups = ( { name = \"a\"; data = " TWO "; },\n"
		"{ name = \"b\"; data = ( { address = \"239.9.9.9\"; },\n"
		"{ address = \"239.3.1.1\"; } ); } ); };",
		"f:5: member.groups[1].data[1].address",
		"another group has it");
	refused(IDENTITY
		"member: { gcks = \"10.0.0.1\"; gcks-id = \"gcks.example\";\n"
		"groups = ( { name = \"a234567890123456789012345678901\"; data = " TWO
		"; } ); };",
		"f:3: member.groups[0].name", "#2");
	/* A key server that is a member has the same Data SAs, in any order. */
	snprintf(text, sizeof(text), GCKS_DATA("%s", "") "%s", TWO,
		 "member: { gcks = \"10.0.0.1\"; gcks-id = \"gcks.example\";\n"
		 "groups = ( { name = \"video\"; data = ("
		 " { address = \"239.3.1.1\"; }, { address = \"239.2.0.0/16\"; } ); } ); };");
	conf_free(parse(text));
	snprintf(text, sizeof(text), GCKS_DATA("%s", "") "%s", TWO,
		 "member: { gcks = \"10.0.0.1\"; gcks-id = \"gcks.example\";\n"
		 "groups = ( { name = \"video\"; address = \"239.2.0.0/16\"; } ); };");
	refused(text, "f:10: member.groups[0].data",
		"is not the one that gcks has");
}

int main(void)
{
	RUN(defaults);
	RUN(additional_key_exchanges);
	RUN(audit_needs_certificate);
	RUN(quorum);
	RUN(seal_places);
	RUN(seal_credentials);
	RUN(everything);
	RUN(quotes);
	RUN(inband);
	RUN(words);
	RUN(ranges);
	RUN(together);
	RUN(several_data);
	RUN(names);
	return done();
}
