/*
 * stamp: which version of a file it is, told without reading it.
 */
#ifndef UTIL_STAMP_H
#define UTIL_STAMP_H

#include <stdbool.h>
#include <stdint.h>

struct stat;

/* All zero: there is no file. */
struct stamp {
	uint64_t device, inode;
	int64_t size;
	int64_t modified, changed; /* ns */
};

void stamp_path(const char *path, struct stamp *out);
void stamp_stat(const struct stat *st, struct stamp *out);
bool stamp_same(const struct stamp *a, const struct stamp *b);

#endif
