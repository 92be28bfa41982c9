/* Writing JSON (RFC 8259) to standard output. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed at the beginning. */
struct json {
    bool follows; /* a value stands before: a comma is needed */
};

/* `bracket` is '{' or '['. A key is NULL in arrays and at the top. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_text(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, int64_t number);
void json_null(struct json *json, const char *key);
void json_truth(struct json *json, const char *key, bool truth);
/* Milliseconds as seconds. */
void json_seconds(struct json *json, const char *key, int64_t ms);
/* Milliseconds since 1970 as text. */
void json_utc(struct json *json, const char *key, int64_t ms);
/* The line's end. */
void json_end(void);

#endif
