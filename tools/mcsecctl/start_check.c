// SPDX-License-Identifier: Apache-2.0
/*
 * The keys, folders and ports that a start of mcsecd needs. Keys and folders are looked
 * at with the rights of the user that the units run it as.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "checks.h"
#include "conf/conf.h"
#include "conf/host.h"
#include "ike/psk.h"
#include "lib/file.h"
#include "lib/proc.h"
#include "lib/secret.h"
#include "lib/udp.h"
#include "wire/proto.h"

static const char key_cure[] =
	"correct the file, its owner and mode; mcsecd does not start without it";

/* Only root can look with the rights of another user. */
static bool is_unprivileged(int ret)
{
	return geteuid() && getuid() && (ret == -EACCES || ret == -EPERM);
}

static unsigned int judge_key(struct checks *c, const char *setting,
			      const char *path)
{
	struct err err;
	uint8_t *key;
	size_t len;
	int ret = psk_read_file(path, &key, &len, &err);

	if (!ret) {
		secret_free(key);
		return 0;
	}
	if (is_unprivileged(ret))
		check_unchecked(c, "keys", "run this as root (sudo)", "%s: %s",
				setting, err.text);
	else
		check_problem(c, "keys", key_cure, "%s: %s", setting, err.text);
	return 1;
}

/* The seal key of a store that is there cannot be made again. */
static unsigned int judge_seal_key(struct checks *c, const struct conf_gcks *k)
{
	if (k->seal_key[0] != '/' || access(k->store, F_OK) ||
	    !access(k->seal_key, F_OK) || errno != ENOENT)
		return 0;
	check_problem(c, "keys",
		      "put the key back; without it, let the members of a new store register again (mcsecd(8))",
		      "gcks.seal-key: %s is missing, and the store %s cannot be read without it",
		      k->seal_key, k->store);
	return 1;
}

static void judge_keys(struct checks *c)
{
	const struct conf *conf = c->conf;
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < conf->n_psks; i++)
		n += judge_key(c, "psk", conf->psks[i].key);
	for (i = 0; i < conf->n_ppks; i++)
		n += judge_key(c, "ppk", conf->ppks[i].key);
	if (conf->gcks)
		n += judge_seal_key(c, conf->gcks);
	if (!n && conf->n_psks + conf->n_ppks)
		check_ok(c, "keys", "%zu of peers can be read",
			 conf->n_psks + conf->n_ppks);
}

static void judge_folder(void *arg, const char *setting, const char *path,
			 const char *wrong, const char *cure)
{
	struct checks *c = arg;

	if (!wrong)
		check_ok(c, "folders", "%s: %s can be written", setting, path);
	else if (geteuid() && getuid())
		check_unchecked(c, "folders", "run this as root (sudo)",
				"%s: %s", setting, wrong);
	else
		check_problem(c, "folders", cure, "%s: %s", setting, wrong);
}

/* ---- ports --------------------------------------------------------------- */

/* Return true if a daemon answers at the control socket, which has the ports then. */
static bool daemon_runs(const struct conf *conf)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool runs;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", conf->control);
	runs = fd >= 0 && !connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	if (fd >= 0)
		close(fd);
	return runs;
}

/* A default port of NAT traversal may belong to another program. */
static bool is_optional(const struct conf_gcks *k, const struct ep *e, int ret)
{
	if (ret == -EAFNOSUPPORT)
		return addr_is_any(&e->addr);
	return k && k->listen_default && ret == -EADDRINUSE &&
	       e->port == IKE_NATT_PORT;
}

static void judge_port(struct checks *c, const char *setting,
		       const struct ep *e, bool runs)
{
	char ep[EP_STRLEN];
	int fd = udp_open(e, 0);

	ep_str(e, ep);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || is_optional(c->conf->gcks, e, fd))
		check_ok(c, "listen", "UDP %s is free", ep);
	else if (fd == -EADDRINUSE && runs)
		check_ok(c, "listen", "UDP %s is in use, and mcsecd runs", ep);
	else if (fd == -EADDRINUSE)
		check_problem(c, "listen",
			      "\"ss -ulnp\" shows which program has it: end that one, or change the setting",
			      "%s: UDP %s is in use, so mcsecd does not start",
			      setting, ep);
	else if (fd == -EADDRNOTAVAIL)
		check_problem(c, "listen",
			      "correct the setting, or give the address to an interface (\"ip address\")",
			      "%s: %s is not an address of this host, so nobody reaches it",
			      setting, ep);
	else if (is_unprivileged(fd))
		check_unchecked(c, "listen", "run this as root (sudo)",
				"%s: UDP %s: %s", setting, ep, strerror(-fd));
	else
		check_problem(c, "listen", "correct the setting",
			      "%s: UDP %s: %s", setting, ep, strerror(-fd));
}

static void judge_ports(struct checks *c)
{
	const struct conf_gcks *k = c->conf->gcks;
	const struct conf_member *m = c->conf->member;
	bool runs = daemon_runs(c->conf);
	size_t i;

	for (i = 0; k && i < k->n_listen; i++)
		judge_port(c, "gcks.listen", &k->listen[i], runs);
	if (m && !addr_is_none(&m->local.addr))
		judge_port(c, "member.local", &m->local, runs);
}

void check_start(struct checks *c)
{
	bool other;

	if (!c->conf)
		return;
	other = conf_be_daemon(c->conf);
	judge_keys(c);
	conf_each_folder(c->conf, judge_folder, c);
	if (other)
		proc_be_root();
	judge_ports(c);
}
