/*
 * literal_frequency: which bytes are rare in logs.
 *
 * Counted in system logs of nine kinds, each given the same weight: two web
 * servers' access logs and one's error log, two Linux hosts' auth.log and one's
 * messages, macOS's system.log, a journal exported as JSON, and the sample lines of
 * seventy other services.  One host's sshd is the ninth.  Newlines left out; 1 for
 * what was rarer than one in 65536 or not seen.
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
