/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reason of a refusal in words: for the input of an administrator, a
 * message of a peer, or an answer of the kernel. The caller owns the struct.
 * Functions take a pointer to it as the last argument, which may be NULL.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

/* Size of the text with its NUL; a longer text is cut. */
#define ERR_LEN 1024

/*
 * @text is one line without a newline after a failure. Unless a function says
 * otherwise it is unchanged after a success.
 */
struct err {
	char text[ERR_LEN];
};

/* Clear the text, for a function that can fail without one. */
static inline void err_clear(struct err *err)
{
	if (err)
		err->text[0] = 0;
}

/*
 * Set the text and return @ret, for use as `return err_set(...)`. No argument
 * may point into @err.
 */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int ret,
						  const char *fmt, ...);

#endif
