/*
 * conf_rig: a table with a key of each type, cars, and what reading a file of one comes to.
 * One car and one set of errors at a time, made anew for each test.
 */
#ifndef TESTS_CONF_RIG_H
#define TESTS_CONF_RIG_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/schema.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* With what a member has when it is not set. */
struct wheel {
	struct conf_head head;
	struct conf_string id; /* required */
	int64_t spokes;        /* 12 */
};

struct car {
	struct conf_head head;
	struct conf_string name;    /* required */
	int64_t doors;              /* 2 to 10: 4 */
	int64_t pause;              /* 1s to 1h: 10m */
	bool electric;              /* true */
	int colour;                 /* red, green, blue: green */
	struct conf_strings owners; /* [ann, bob] */
	struct conf_string key;     /* a secret */
	struct wheel spare;
	struct conf_list wheels;
	struct conf_map labels;     /* or the word none */
	struct conf_maps trips;
};

extern const struct conf_table car_table;

/* Read "car.yaml" of this text into the car of the test; as conf_read_text(). */
int cr_read(const char *text);
int cr_read_bytes(const char *text, size_t n);
/* The text is read without an error; the car of the test, which the rig clears. */
struct car *cr_expect_read(const char *text);
/* Reading the text gives one error, which begins with ${wanted}. */
void cr_refuse(const char *text, const char *wanted);
/* Report what the car lacks. */
void cr_check_required(void);

/* The errors so far: as printed, until the next call; how many; and where they are. */
const char *cr_errors(void);
size_t cr_nerrors(void);
struct diag *cr_diag(void);

/* Run the suite ${name} of one case, each test with a car of its own; what main() returns. */
int cr_run(const char *name, void (*add_tests)(TCase *tc));

#endif
