/*
 * cmd_schema: the tables of the configuration and of rule files, as JSON Schema
 * for editors or as mdoc for the manual pages.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "rule/rule_file.h"

int
cmd_schema(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	bool mdoc = argc == 3 && strcmp(argv[2], "--mdoc") == 0;
	const struct conf_table *table = NULL;
	struct buf out = BUF_INIT;

	(void)cli;
	if (argc >= 2 && strcmp(argv[1], "config") == 0)
		table = &config_table;
	else if (argc >= 2 && strcmp(argv[1], "rules") == 0)
		table = &rule_file_table;
	if (table == NULL || argc > 3 || (argc == 3 && !mdoc))
		return cli_usage(self);
	if (mdoc)
		conf_schema_mdoc(table, &out);
	else
		conf_schema_json(table,
		    table == &config_table ? "triaged configuration" : "triaged rules", &out);
	fputs(buf_str(&out), stdout);
	buf_free(&out);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
