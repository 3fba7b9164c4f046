/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A back end that works in its own thread, so that a slow disk delays neither
 * IKE nor copies of rekeys. The thread takes over the connection of another
 * back end: SQLite's file lock belongs to one connection, and a second one
 * could not open the file. Operations other than submit wait until the thread
 * is idle, and thus see all that was submitted.
 */
#ifndef STORE_THREAD_H
#define STORE_THREAD_H

struct err;
struct loop;
struct store;

/*
 * Make store_submit() of @s asynchronous; completions are called from @loop,
 * which must outlive the store. Returns 0, or -errno with one line in @err;
 * then @s is unchanged.
 */
int store_thread(struct store *s, struct loop *loop, struct err *err);

#endif
