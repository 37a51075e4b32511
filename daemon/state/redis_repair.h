/*
 * redis_repair: an append-only file that the server refuses to load, cut back to
 * what is whole.  What is lost that way is read again from the committed
 * positions that remain.
 */
#ifndef STATE_REDIS_REPAIR_H
#define STATE_REDIS_REPAIR_H

#include <stdbool.h>

/* Copy ${dir}/appendonlydir to ${dir}/damaged-SECONDS and mend the original with
 * redis-check-aof.  No server may run on it.  Blocks.  False, logged, when the
 * copy cannot be made: then nothing has been touched. */
bool redis_repair(const char *dir);

#endif
