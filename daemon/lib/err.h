/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something was refused, in words: for what an administrator gave us, a
 * peer sent, or the kernel said. The caller owns the struct; functions take a
 * pointer to it last, and a NULL pointer means that nobody asks.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

/* Octets of a sentence with its 0; a longer one is cut. */
#define ERR_LEN 1024

/*
 * @text: one line without a newline after a failure. What it is after a
 *	success, each function says; mostly it is left alone.
 */
struct err {
	char text[ERR_LEN];
};

/*
 * Writes the sentence and returns @ret, so that it reads `return err_set(`.
 * No argument may point into @err.
 */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int ret,
						  const char *fmt, ...);

#endif
