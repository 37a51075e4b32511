/*
 * suggest: "did you mean", by edit distance.
 */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include <stddef.h>

#include "util/sv.h"

/* The name of ${names} that ${word} was probably meant to be, or NULL. */
const char *conf_suggest(struct sv word, const char *const *names, size_t n);

#endif
