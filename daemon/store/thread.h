/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A back end that works in a thread of its own, so that a disk that takes its
 * time holds up neither IKE nor copies of rekeys. The thread takes over the
 * connection of another back end (SQLite's file lock is of one connection, and
 * two of them would have to give it up); whatever is not submitted waits until
 * the thread has nothing to do, and so sees all that was submitted.
 */
#ifndef STORE_THREAD_H
#define STORE_THREAD_H

struct err;
struct loop;
struct store;

/*
 * From now on store_submit() of @s returns at once, and completions come from
 * @loop, which outlives the store. 0 or -errno with one line in @err; then @s
 * is as it was.
 */
int store_thread(struct store *s, struct loop *loop, struct err *err);

#endif
