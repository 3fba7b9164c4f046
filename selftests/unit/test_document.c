// SPDX-License-Identifier: Apache-2.0
/*
 * Documents that administrators sign: the settings of a group in a file come back from
 * JSON as they were.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/document.h"
#include "tap.h"

static struct err err;

static const char file[] =
	"identity: { certificate = \"/c\"; key = \"/k\"; ca = \"/a\"; };\n"
	"gcks: { store = \"/s\"; seal-key = \"/sk\";\n"
	"groups = ( { name = \"video\"; rekey-address = \"239.1.1.254\";\n"
	"  receivers = [ \"*\", \"x.example\" ]; atd = 6; mode = \"tunnel\";\n"
	"  data = ( { address = \"239.2.0.0/16\"; },\n"
	"    { address = \"239.3.1.1\"; protocol = \"udp\"; destination-port = 9;\n"
	"      algorithm = \"chacha20-poly1305\"; } ); } ); };\n";

static void file_to_document(void)
{
	char path[] = "/tmp/mcsec-document-XXXXXX", sel[SELECTOR_STRLEN];
	struct conf_document *d;
	char *text = NULL;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, file, strlen(file)) != (ssize_t)strlen(file))
		bail("%s", path);
	close(fd);
	is_int(conf_document_write(path, "gcks.example", "video", 3, &text,
				   &err),
	       0, "a document is written: %s", err.text);
	unlink(path);
	if (!text || conf_document_parse(text, strlen(text), &d, &err))
		bail("%s: %s", err.text, text ? text : "");
	is_int(d->version, 3, "the version");
	is_int(d->conf.receivers.n, 2, "a list of names");
	is_int(d->conf.atd, 6, "a number");
	ok(d->conf.tunnel, "a word");
	is_int(conf_n_data(&d->conf), 2, "both Data SAs");
	is_str(selector_str(conf_sel(&d->conf, 0), sel), "239.2.0.0/16",
	       "the first");
	is_str(selector_str(conf_sel(&d->conf, 1), sel),
	       "239.3.1.1 proto udp dport 9", "the second");
	is_str(conf_alg_str(conf_alg(&d->conf, 1)), "chacha20-poly1305",
	       "the second's algorithm");
	conf_document_free(d);
	free(text);
}

static void refused(const char *settings, const char *why)
{
	struct conf_document *d = NULL;
	char text[1024];
	int ret;

	snprintf(text, sizeof(text),
		 "{\"mcsec-policy\": 1, \"group\": \"video\", \"version\": 1, \"settings\": {\"rekey-address\": \"239.1.1.254\", \"receivers\": [\"*\"], %s}}",
		 settings);
	ret = conf_document_parse(text, strlen(text), &d, &err);
	ok(ret == -EINVAL && !d && strstr(err.text, why), "%s",
	   ret ? err.text : settings);
	conf_document_free(d);
}

static void bad_documents(void)
{
	refused("\"data\": [1]", "list of strings or objects");
	refused("\"data\": [[\"239.1.1.1\"]]", "list of strings or objects");
	refused("\"data\": [{\"address\": [\"239.1.1.1\"]}]",
		"\"address\" has to be a string, a whole number");
	refused("\"data\": [{\"address\": \"239.1.1.1\", \"lifetime\": 5}]",
		"no such setting");
	refused("\"data\": [{}]", "missing");
	refused("\"data\": []", "1 to 8");
	refused("\"data\": {\"address\": \"239.1.1.1\"}",
		"has to be a string, a whole number");
	refused("\"senders\": [{\"a\": \"b\"}], \"address\": \"239.1.1.1\"",
		"string in quotes");
	refused("\"data\": [{\"address\": \"239.1.1.1\"}], \"address\": \"239.1.1.1\"",
		"entry of data");
}

int main(void)
{
	RUN(file_to_document);
	RUN(bad_documents);
	return done();
}
