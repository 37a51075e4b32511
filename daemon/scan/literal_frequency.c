/*
 * literal_frequency: which bytes are rare in logs.
 *
 * Counted by a script in nine kinds of logs, each given the same weight: two web
 * servers' access logs and a third's error log, a Linux host's auth.log and another's
 * messages, one of sshd alone, macOS's system.log, a journal exported as JSON, and the
 * sample lines of seventy services that fail2ban tests its filters with.  Newlines
 * are left out; both cases of a letter have their sum; 1 is also for what is rarer
 * than one in 65536, or was not seen.
 */
#include "scan/literal.h"

const uint16_t literal_frequency[256] = {
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	6619, 5, 1033, 10, 1, 22, 20, 36, 321, 320, 5, 73, 254, 871, 1582, 930,
	2923, 2566, 2115, 1090, 1189, 1360, 961, 1080, 937, 645, 1932, 226, 20, 494, 24, 35,
	12, 2095, 726, 1688, 1566, 3306, 835, 453, 1040, 2330, 285, 479, 1354, 1288, 2147, 2769,
	1249, 41, 2334, 2593, 2569, 1286, 319, 416, 401, 315, 141, 602, 3, 602, 1, 559,
	1, 2095, 726, 1688, 1566, 3306, 835, 453, 1040, 2330, 285, 479, 1354, 1288, 2147, 2769,
	1249, 41, 2334, 2593, 2569, 1286, 319, 416, 401, 315, 141, 16, 3, 16, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};

double
literal_rarity(const struct literal *l)
{
	double rarity = 1;

	for (size_t i = 0; i < l->n; i++)
		rarity *= literal_frequency[(unsigned char)l->text[i]] / 65536.0;
	return rarity;
}
