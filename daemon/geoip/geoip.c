/*
 * geoip: see geoip.h.
 *
 * In a storm few addresses send most lines, so the last answers are kept: a table with one
 * place for each hash.
 */
#include "geoip/geoip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geoip/geoip_db.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/xalloc.h"

#define KEPT 1024 /* answers; a power of two */

static const char *const file_names[GEOIP_FILES] = {"country", "asn"};

struct kept {
	unsigned char n; /* 0: free */
	char address[INET6_ADDRSTRLEN];
	struct geoip_answer answer;
};

struct file {
	char *path;          /* NULL: none */
	struct geoip_db *db; /* NULL: none */
	struct stamp stamp; /* of what was read last, good or not */
	char *problem;            /* NULL: none */
};

struct geoip {
	struct file files[GEOIP_FILES];
	struct hash_key key;
	struct kept *kept;
};

/* ---- look-up ------------------------------------------------------------------------ */

static bool
is_public4(const unsigned char a[4])
{
	static const struct {
		unsigned char net[2], mask[2];
	} others[] = {
	    {{0, 0}, {255, 0}},       /* "this" network */
	    {{10, 0}, {255, 0}},      /* private */
	    {{100, 64}, {255, 192}},  /* behind a provider's translation */
	    {{127, 0}, {255, 0}},     /* loopback */
	    {{169, 254}, {255, 255}}, /* of a link */
	    {{172, 16}, {255, 240}},  /* private */
	    {{192, 168}, {255, 255}}, /* private */
	    {{224, 0}, {224, 0}},     /* multicast, reserved */
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if ((a[0] & others[i].mask[0]) == others[i].net[0] &&
		    (a[1] & others[i].mask[1]) == others[i].net[1])
			return false;
	return true;
}

/* The bytes of a public address: 4 or 16 of them; 0: it is none. */
static size_t
parse_public(const char *text, unsigned char out[16])
{
	if (inet_pton(AF_INET, text, out) == 1)
		return is_public4(out) ? 4 : 0;
	/* Global unicast is 2000::/3. */
	return inet_pton(AF_INET6, text, out) == 1 && (out[0] & 0xe0) == 0x20 ? 16 : 0;
}

static bool
is_letter(char c)
{
	return c >= 'A' && c <= 'Z';
}

static void
find_country(struct geoip_db *db, const unsigned char *address, size_t n, struct geoip_answer *a)
{
	static const char *const path[] = {"country", "iso_code", NULL};
	char code[4]; /* a letter more: what is longer is no code */

	if (!geoip_db_find(db, address, n) || !geoip_db_text(db, path, code, sizeof(code)))
		return;
	if (strlen(code) == 2 && is_letter(code[0]) && is_letter(code[1]))
		memcpy(a->country, code, sizeof(a->country));
}

static void
find_network(struct geoip_db *db, const unsigned char *address, size_t n, struct geoip_answer *a)
{
	static const char *const number_path[] = {"autonomous_system_number", NULL};
	static const char *const name_path[] = {"autonomous_system_organization", NULL};
	uint32_t number;

	if (!geoip_db_find(db, address, n))
		return;
	if (geoip_db_number(db, number_path, &number))
		snprintf(a->number, sizeof(a->number), "%lu", (unsigned long)number);
	if (!geoip_db_text(db, name_path, a->organization, sizeof(a->organization)))
		a->organization[0] = '\0';
}

static void
set_problem(struct file *f, const char *name, const char *problem)
{
	free(f->problem);
	f->problem = xstrdup(problem);
	log_warn("geoip", "%s: %s: %s%s", name, f->path, problem,
	    f->db == NULL ? "; nothing is known from it" : "; what was read before is still used");
}

/* Damage shows at a look-up only. */
static void
look_for_damage(struct geoip *g, enum geoip_file file)
{
	struct file *f = &g->files[file];
	const char *damage = f->db == NULL ? NULL : geoip_db_damage(f->db);
	struct buf text = BUF_INIT;

	if (damage == NULL)
		return;
	buf_printf(&text, "is damaged: %s", damage);
	geoip_db_free(&f->db);
	set_problem(f, file_names[file], buf_str(&text));
	buf_free(&text);
}

static void
look_up(struct geoip *g, const char *address, struct geoip_answer *out)
{
	unsigned char bytes[16];
	size_t n = parse_public(address, bytes);

	*out = (struct geoip_answer){.country = ""};
	if (n == 0)
		return;
	if (g->files[GEOIP_COUNTRY].db != NULL)
		find_country(g->files[GEOIP_COUNTRY].db, bytes, n, out);
	if (g->files[GEOIP_ASN].db != NULL)
		find_network(g->files[GEOIP_ASN].db, bytes, n, out);
	for (int i = 0; i < GEOIP_FILES; i++)
		look_for_damage(g, (enum geoip_file)i);
}

const struct geoip_answer *
geoip_find(struct geoip *g, struct sv address)
{
	static const struct geoip_answer nothing;
	struct kept *k = &g->kept[hash_bytes(g->key, address) % KEPT];

	if (address.n == 0 || address.n >= sizeof(k->address))
		return &nothing;
	if (k->n == address.n && memcmp(k->address, address.p, address.n) == 0)
		return &k->answer;
	memcpy(k->address, address.p, address.n);
	k->address[address.n] = '\0';
	k->n = (unsigned char)address.n;
	look_up(g, k->address, &k->answer);
	return &k->answer;
}

/* ---- files -------------------------------------------------------------------------- */

/* One in the place of the other would give no answer, and nobody would know why. */
static bool
is_other_kind(enum geoip_file file, const char *type)
{
	if (file == GEOIP_COUNTRY)
		return strstr(type, "ASN") != NULL && strstr(type, "Country") == NULL;
	return strstr(type, "ASN") == NULL &&
	    (strstr(type, "Country") != NULL || strstr(type, "City") != NULL);
}

bool
geoip_has_changed(const struct geoip *g, enum geoip_file file)
{
	const struct file *f = &g->files[file];
	struct stamp now;

	if (f->path == NULL)
		return false;
	stamp_path(f->path, &now);
	return !stamp_same(&now, &f->stamp);
}

struct geoip_reading *
geoip_reading_new(const struct geoip *g, enum geoip_file file)
{
	struct geoip_reading *r = xcalloc(1, sizeof(*r));

	r->file = file;
	r->path = xstrdup(g->files[file].path);
	return r;
}

void
geoip_reading_run(struct geoip_reading *r)
{
	r->db = geoip_db_open(r->path, &r->stamp, &r->problem);
	if (r->db == NULL || !is_other_kind(r->file, geoip_db_type(r->db)))
		return;
	buf_printf(&r->problem, "is of type %s; is it the file of %s?", geoip_db_type(r->db),
	    file_names[r->file == GEOIP_ASN ? GEOIP_COUNTRY : GEOIP_ASN]);
	geoip_db_free(&r->db);
}

void
geoip_reading_free(struct geoip_reading **rp)
{
	struct geoip_reading *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	geoip_db_free(&r->db);
	buf_free(&r->problem);
	free(r->path);
	free(r);
}

void
geoip_take(struct geoip *g, struct geoip_reading *r)
{
	struct file *f = &g->files[r->file];

	f->stamp = r->stamp;
	if (r->db == NULL) {
		set_problem(f, file_names[r->file], buf_str(&r->problem));
		return;
	}
	geoip_db_free(&f->db);
	f->db = r->db;
	r->db = NULL;
	free(f->problem);
	f->problem = NULL;
	memset(g->kept, 0, KEPT * sizeof(*g->kept));
	log_info("geoip", "%s: %s: read, %s", file_names[r->file], f->path, geoip_db_type(f->db));
}

static void
read_now(struct geoip *g, enum geoip_file file)
{
	struct geoip_reading *r = geoip_reading_new(g, file);

	geoip_reading_run(r);
	geoip_take(g, r);
	geoip_reading_free(&r);
}

struct geoip *
geoip_new(const char *country, const char *asn)
{
	const char *const paths[GEOIP_FILES] = {country, asn};
	struct geoip *g = xcalloc(1, sizeof(*g));

	g->key = hash_key_random();
	g->kept = xcalloc(KEPT, sizeof(*g->kept));
	for (int i = 0; i < GEOIP_FILES; i++) {
		if (paths[i] == NULL)
			continue;
		g->files[i].path = xstrdup(paths[i]);
		read_now(g, (enum geoip_file)i);
	}
	return g;
}

void
geoip_free(struct geoip **gp)
{
	struct geoip *g = *gp;

	*gp = NULL;
	if (g == NULL)
		return;
	for (int i = 0; i < GEOIP_FILES; i++) {
		geoip_db_free(&g->files[i].db);
		free(g->files[i].path);
		free(g->files[i].problem);
	}
	free(g->kept);
	free(g);
}

struct geoip_status
geoip_status(const struct geoip *g, enum geoip_file file)
{
	const struct file *f = &g->files[file];

	return (struct geoip_status){.name = file_names[file],
	    .path = f->path,
	    .type = f->db == NULL ? NULL : geoip_db_type(f->db),
	    .built = f->db == NULL ? 0 : geoip_db_built(f->db),
	    .problem = f->problem};
}
