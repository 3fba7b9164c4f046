/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data plane in memory, behind the same struct of functions as the real
 * one (kernel/kernel.h). A "packet" names the key it was encrypted with, so
 * who has the key can read it and who has not can't. What must never happen
 * is counted over all kernels of the process: the same Sender-ID installed
 * twice for sending under one key, which would repeat IVs.
 */
#ifndef MOCK_KERNEL_H
#define MOCK_KERNEL_H

#include "kernel/kernel.h"
#include "lib/clock.h"

#define MOCK_GROUPS 8
#define MOCK_SAS 64 /* as the module's limit */
#define MOCK_KEYS 4096

struct mock_packet {
	struct addr dst;
	uint32_t spi;
	uint32_t sender_id;
	uint64_t counter;
	uint8_t key[KSA_KEY_MAX];
	uint64_t n; /* number in the stream */
};

struct mock_sa {
	struct ksa sa;
	bool selected;
	bool wiped; /* the machine was about to go to disk */
	uint64_t added_ms;
	uint64_t counter; /* the first Sender-ID's */
	uint64_t got[MCSEC_SENDER_IDS_MAX]; /* highest, by Sender-ID */
};

/* A key that was installed in this kernel at any time. */
struct mock_key {
	uint32_t spi;
	uint8_t key[KSA_KEY_MAX];
	uint64_t at_ms;
};

struct mock_kernel {
	struct kernel k;
	const struct clock *clock;
	struct kgroup group[MOCK_GROUPS];
	unsigned int n_groups;
	/* Groups that wait for their owner, as bits: adding gives them its policy. */
	unsigned int orphans;
	struct mock_sa sa[MOCK_SAS];
	unsigned int n_sas;
	struct mock_key key[MOCK_KEYS];
	unsigned int n_keys;
	int fail_add; /* the next sa_add() fails so ... */
	unsigned int fail_skip; /* ... behind so many that do not */
	bool to_disk; /* every SA fails then */
	uint64_t replays;
	/* Counters of the module, and the drops of each group, as a test sets them. */
	struct mock_counter {
		const char *name;
		uint64_t value;
	} counter[4];
	uint64_t in_drops[MOCK_GROUPS];
	uint64_t out_drops[MOCK_GROUPS];
	uint64_t unknown; /* packets without an SA for them */
	uint64_t late; /* packets that each SA takes just before its end */
};

/*
 * Number of Sender-IDs, over all kernels, that were used before with the same
 * key.
 */
extern unsigned int mock_iv_clashes;

/* Forget what was used, for another run with the same random numbers. */
void mock_kernel_forget(void);
/* @mk is zeroed; in a large simulation most of it is never touched. */
void mock_kernel_init(struct mock_kernel *mk, const struct clock *clock);
/*
 * Simulate the time before hibernation; @mk->to_disk says whether
 * it goes on.
 */
void mock_kernel_hibernate(struct mock_kernel *mk);
/* Simulate unloading of the module. */
void mock_kernel_reset(struct mock_kernel *mk);
/* Returns false if the packet was dropped without an SA to send with. */
bool mock_kernel_send(struct mock_kernel *mk, const struct addr *dst,
		      struct mock_packet *p);
/* Return false if the packet is dropped. */
bool mock_kernel_recv(struct mock_kernel *mk, const struct mock_packet *p);
/* Return true if this key was installed in the kernel at any time. */
bool mock_kernel_had(const struct mock_kernel *mk, const uint8_t *key);

#endif
