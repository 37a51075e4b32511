/*
 * conf_rig: see conf_rig.h.
 */
#include "conf_rig.h"

#include <string.h>

#include "rig.h"

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct conf_key wheel_keys[] = {
    {.name = "id", .type = CONF_STRING, .offset = offsetof(struct wheel, id), .required = true},
    {.name = "spokes",
        .type = CONF_INT,
        .offset = offsetof(struct wheel, spokes),
        .fallback = "12"},
};

static const struct conf_table wheel_table = {
    "a wheel", "wheel", sizeof(struct wheel), wheel_keys, 2};

static const struct conf_key car_keys[] = {
    {.name = "name", .type = CONF_STRING, .offset = offsetof(struct car, name), .required = true},
    {.name = "doors",
        .type = CONF_INT,
        .offset = offsetof(struct car, doors),
        .min = 2,
        .max = 10,
        .fallback = "4",
        .help = "How many."},
    {.name = "pause",
        .type = CONF_DURATION,
        .offset = offsetof(struct car, pause),
        .min = 1000,
        .max = 3600000,
        .fallback = "10m"},
    {.name = "electric",
        .type = CONF_BOOL,
        .offset = offsetof(struct car, electric),
        .fallback = "true"},
    {.name = "colour",
        .type = CONF_ENUM,
        .offset = offsetof(struct car, colour),
        .names = colours,
        .fallback = "green"},
    {.name = "owners",
        .type = CONF_STRINGS,
        .offset = offsetof(struct car, owners),
        .fallback = "[ann, bob]"},
    {.name = "key", .type = CONF_SECRET, .offset = offsetof(struct car, key)},
    {.name = "spare",
        .type = CONF_OBJECT,
        .offset = offsetof(struct car, spare),
        .sub = &wheel_table},
    {.name = "wheels",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct car, wheels),
        .sub = &wheel_table},
    {.name = "labels", .type = CONF_MAP, .offset = offsetof(struct car, labels), .scalar = "none"},
    {.name = "trips", .type = CONF_MAPS, .offset = offsetof(struct car, trips)},
};

const struct conf_table car_table = {
    "a car", "car", sizeof(struct car), car_keys, sizeof(car_keys) / sizeof(car_keys[0])};

/* A fixture of Check has no argument. */
static struct diag *diag;
static struct car car;
static struct buf printed; /* by the last cr_errors() */

static void
begin(void)
{
	diag = diag_new();
}

static void
end(void)
{
	conf_clear(&car_table, &car);
	diag_free(&diag);
	buf_free(&printed);
}

int
cr_read_bytes(const char *text, size_t n)
{
	return conf_read_text("car.yaml", text, n, &car_table, &car, diag);
}

int
cr_read(const char *text)
{
	return cr_read_bytes(text, strlen(text));
}

struct car *
cr_expect_read(const char *text)
{
	ck_assert_msg(cr_read(text) == 0, "%s", cr_errors());
	return &car;
}

void
cr_refuse(const char *text, const char *wanted)
{
	ck_assert_int_eq(cr_read(text), -1);
	ck_assert_msg(cr_nerrors() == 1 && strncmp(cr_errors(), wanted, strlen(wanted)) == 0,
	    "wanted one error: %s\ngot %zu:\n%s", wanted, cr_nerrors(), cr_errors());
}

void
cr_check_required(void)
{
	conf_check_required(&car_table, &car, diag);
}

const char *
cr_errors(void)
{
	printed.n = 0;
	diag_print(diag, &printed);
	/* A NUL would hide what comes after it. */
	ck_assert_uint_eq(strlen(buf_str(&printed)), printed.n);
	return buf_str(&printed);
}

size_t
cr_nerrors(void)
{
	return diag_errors(diag);
}

struct diag *
cr_diag(void)
{
	return diag;
}

int
cr_run(const char *name, void (*add_tests)(TCase *tc))
{
	return rig_run_case(name, begin, end, add_tests);
}
