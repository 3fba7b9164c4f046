// SPDX-License-Identifier: Apache-2.0
/*
 * A fuzzing driver that needs gcc and nothing else. It takes valid samples,
 * breaks each in the ways that parsers fall over (cut at every octet, every
 * octet changed, lengths that lie, pieces doubled, lost, swapped and mixed)
 * and gives them to the target's LLVMFuzzerTestOneInput() until its time is
 * up. libFuzzer finds more, by watching coverage; this finds the ordinary
 * mistakes everywhere, and the same seed breaks the same samples again.
 *
 *	fuzz/NAME [-t SECONDS] [-s SEED] [-m MAXLEN] [SAMPLE|FOLDER]...
 *
 * Without samples those in selftests/fuzz/corpus/NAME are used. With -t 0 the
 * samples run unbroken and once, which is how a crash file is looked at. An
 * input that crashed or hung is left in crash-NAME in the current folder.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Time limit for one input; a slower parser could be stalled by an attacker. */
#define HANG_SECONDS 10
#define MAX_SAMPLES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
void __sanitizer_set_death_callback(void (*callback)(void))
	__attribute__((weak));

struct sample {
	uint8_t *data;
	size_t len;
};

static struct sample samples[MAX_SAMPLES];
static size_t nr_samples;
static size_t max_len = 65536;
static char crash_file[300];
static uint64_t rng;
static struct timespec deadline;

/* The handlers below write this input to a file. */
static const uint8_t *volatile cur;
static volatile size_t cur_len;
static volatile unsigned long nr_runs;

static void save_input(void)
{
	size_t len = cur_len;
	int fd;

	if (!cur)
		return;
	fd = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return;
	if (write(fd, cur, len) == (ssize_t)len) {
		static const char msg[] = "input saved in ";

		if (write(2, msg, sizeof(msg) - 1) < 0 ||
		    write(2, crash_file, strlen(crash_file)) < 0 ||
		    write(2, "\n", 1) < 0)
			_exit(1);
	}
	close(fd);
}

static void on_crash(int sig)
{
	save_input();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void on_tick(int sig)
{
	static unsigned long seen;
	static int still;

	(void)sig;
	if (!cur || nr_runs != seen) {
		seen = nr_runs;
		still = 0;
	} else if (++still >= HANG_SECONDS) {
		static const char msg[] = "hang: one input takes too long\n";

		if (write(2, msg, sizeof(msg) - 1) < 0)
			_exit(1);
		save_input();
		_exit(1);
	}
	alarm(1);
}

/* A splitmix64 generator, which accepts any seed, including zero. */
static uint64_t rnd(void)
{
	uint64_t z = rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return n ? rnd() % n : 0;
}

static int time_left(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < deadline.tv_sec || (now.tv_sec == deadline.tv_sec &&
						now.tv_nsec < deadline.tv_nsec);
}

/*
 * The target gets a heap block of exactly the input's length, so that ASan
 * sees the first octet read beyond it.
 */
static void run(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, data, len);
	cur = data;
	cur_len = len;
	LLVMFuzzerTestOneInput(copy, len);
	nr_runs++;
	cur = NULL;
	free(copy);
}

static void put(uint8_t *p, size_t width, uint64_t v)
{
	while (width--) {
		p[width] = v;
		v >>= 8;
	}
}

/* Values at the limits of length checks, for a field of some width. */
static uint64_t awkward(size_t len)
{
	static const uint64_t v[] = {
		0,	    1,	       2,	   3,	       4,
		5,	    7,	       8,	   15,	       16,
		31,	    32,	       0x7f,	   0x80,       0xfe,
		0xff,	    0x100,     0x7fff,	   0x8000,     0xfffe,
		0xffff,	    0x10000,   0x7fffffff, 0x80000000, 0xfffffffe,
		0xffffffff, UINT64_MAX
	};

	switch (below(4)) {
	case 0:
		return len + below(9) - 4;
	case 1:
		return below(len + 1);
	default:
		return v[below(sizeof(v) / sizeof(v[0]))];
	}
}

static size_t mutate(uint8_t *b, size_t len)
{
	size_t a = below(len), n = below(len - a) % 64 + 1, w = 1 << below(4);
	const struct sample *o = &samples[below(nr_samples)];
	size_t from, k;

	if (!len) {
		b[0] = rnd();
		return 1;
	}
	if (n > len - a)
		n = len - a;
	switch (below(10)) {
	case 0:
		b[a] ^= 1 << below(8);
		return len;
	case 1:
		b[a] = rnd();
		return len;
	case 2:
	case 3:
		if (a + w <= len)
			put(b + a, w, awkward(len));
		return len;
	case 4:
		b[a] += below(2) ? 1 : -1;
		return len;
	case 5:
		/* Octets are lost. */
		memmove(b + a, b + a + n, len - a - n);
		return len - n;
	case 6:
		/* Octets are doubled. */
		if (len + n > max_len)
			return len;
		memmove(b + a + n, b + a, len - a);
		return len + n;
	case 7:
		/* The end is lost. */
		return a;
	case 8:
		/* The input becomes longer, by anything. */
		n = below(64) + 1;
		if (len + n > max_len)
			return len;
		for (k = 0; k < n; k++)
			b[len + k] = below(2) ? 0 : rnd();
		return len + n;
	default:
		/* Insert a piece of another sample. */
		if (!o->len)
			return len;
		from = below(o->len);
		n = below(o->len - from) + 1;
		if (a + n > max_len)
			return len;
		memcpy(b + a, o->data + from, n);
		return a + n > len ? a + n : len;
	}
}

static void add(const char *path)
{
	struct stat st;
	ssize_t got;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (S_ISDIR(st.st_mode)) {
		struct dirent **list;
		int i, n = scandir(path, &list, NULL, alphasort);

		/*
		 * The list is sorted, so that a seed has the same effect
		 * everywhere.
		 */
		for (i = 0; i < n; i++) {
			char sub[4096];

			if (list[i]->d_name[0] != '.') {
				snprintf(sub, sizeof(sub), "%s/%s", path,
					 list[i]->d_name);
				add(sub);
			}
			free(list[i]);
		}
		if (n >= 0)
			free(list);
		close(fd);
		return;
	}
	if (nr_samples == MAX_SAMPLES || (size_t)st.st_size > max_len) {
		fprintf(stderr, "%s: too large, or one sample too many\n",
			path);
		exit(1);
	}
	samples[nr_samples].data = malloc(st.st_size + 1);
	if (!samples[nr_samples].data)
		abort();
	got = read(fd, samples[nr_samples].data, st.st_size);
	if (got != st.st_size) {
		fprintf(stderr, "%s: read: %s\n", path, strerror(errno));
		exit(1);
	}
	samples[nr_samples++].len = got;
	close(fd);
}

/* Try every cut, and every octet with boundary values of lengths and types. */
static void systematic(const struct sample *s, uint8_t *b)
{
	static const uint8_t v[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t i, k;

	for (i = 0; i < s->len && time_left(); i++)
		run(s->data, i);
	memcpy(b, s->data, s->len);
	for (i = 0; i < s->len && time_left(); i++) {
		for (k = 0; k < sizeof(v); k++) {
			b[i] = v[k];
			run(b, s->len);
		}
		for (k = 0; k < 8; k++) {
			b[i] = s->data[i] ^ 1 << k;
			run(b, s->len);
		}
		b[i] = s->data[i];
	}
}

int main(int argc, char **argv)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	const char *name = strrchr(argv[0], '/');
	unsigned long seconds = 5, k;
	uint8_t *b;
	size_t i;
	int c;

	name = name ? name + 1 : argv[0];
	rng = 1;
	while ((c = getopt(argc, argv, "t:s:m:")) != -1) {
		switch (c) {
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 's':
			rng = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			max_len = strtoul(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr,
				"usage: %s [-t SECONDS] [-s SEED] [-m MAXLEN] "
				"[SAMPLE|FOLDER]...\n",
				name);
			return 2;
		}
	}
	snprintf(crash_file, sizeof(crash_file), "crash-%s", name);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	if (optind == argc) {
		char path[4096];

		snprintf(path, sizeof(path), SRCDIR "/selftests/fuzz/corpus/%s",
			 name);
		add(path);
	}
	for (c = optind; c < argc; c++)
		add(argv[c]);
	if (!nr_samples) {
		fprintf(stderr, "%s: no samples\n", name);
		return 1;
	}

	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(save_input);
	else
		for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
			signal(fatal[i], on_crash);
	signal(SIGALRM, on_tick);
	alarm(1);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += seconds;

	b = malloc(max_len + 8);
	if (!b)
		abort();
	for (i = 0; i < nr_samples; i++)
		run(samples[i].data, samples[i].len);
	if (seconds) {
		run(b, 0);
		for (i = 0; i < nr_samples && time_left(); i++)
			systematic(&samples[i], b);
	}
	while (time_left()) {
		const struct sample *s = &samples[below(nr_samples)];
		size_t len = s->len;

		memcpy(b, s->data, len);
		for (k = below(6) + 1; k; k--)
			len = mutate(b, len);
		run(b, len);
	}
	printf("%s: %lu inputs from %zu samples\n", name, nr_runs, nr_samples);
	for (i = 0; i < nr_samples; i++)
		free(samples[i].data);
	free(b);
	return 0;
}
