/*
 * num: see num.h.
 */
#include "util/num.h"

bool
num_int(struct sv s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	int64_t value = 0;

	if (negative)
		s = sv_from(s, 1);
	if (s.n == 0 || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		value = value * 10 + (s.p[i] - '0');
	}
	if (negative)
		value = -value;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

bool
num_hex(struct sv s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		int digit = c >= '0' && c <= '9' ? c - '0'
		    : c >= 'a' && c <= 'f'       ? c - 'a' + 10
		    : c >= 'A' && c <= 'F'       ? c - 'A' + 10
		                                 : -1;

		if (digit < 0)
			return false;
		value = value << 4 | (uint64_t)digit;
	}
	*out = value;
	return true;
}

bool
num_duration(struct sv s, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {
	    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	size_t digits = 0;
	int64_t value;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	if (!num_int((struct sv){s.p, digits}, 0, 1000000000, &value))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (sv_is(sv_from(s, digits), units[i].unit)) {
			*ms = value * units[i].ms;
			return true;
		}
	}
	return false;
}

struct sv
num_decimal(uint64_t n, char room[static NUM_DECIMAL])
{
	size_t at = NUM_DECIMAL;

	do {
		room[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return (struct sv){room + at, NUM_DECIMAL - at};
}
