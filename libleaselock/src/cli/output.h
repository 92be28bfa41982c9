/* Data on standard output: escaped text, times, tables. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_TIME_SIZE = 40 };

/* How many bytes of `text` are one control character of UTF-8 (C0, DEL, C1); 0: it begins with none. */
size_t output_control_length(const char *text);

/*
 * Copies `text` with \t, \n, \r, \\ and \xHH for what would break a line, a column or a terminal.
 * `escaped` has room for 4 × its length + 1. Returns the length.
 */
size_t output_escape(const char *text, char *escaped);

/* Milliseconds since 1970 as "2026-01-31T12:00:00.000Z". */
void output_utc(int64_t ms, char text[OUTPUT_TIME_SIZE]);

/* Milliseconds as seconds, "29.500". */
void output_seconds(int64_t ms, char text[OUTPUT_TIME_SIZE]);

/* Milliseconds as people say them, "29s" or "2h05m". */
void output_span(int64_t ms, char text[OUTPUT_TIME_SIZE]);

bool output_is_terminal(void);

/* How many columns of a terminal `text` takes. */
int output_width(const char *text);

/* Flushes standard output; the exit code. Every command that prints data ends with it. */
int output_finish(void);

#endif
