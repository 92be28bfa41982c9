#include "cli/json.h"

#include <stdio.h>

#include "cli/output.h"

static void write_string(const char *text)
{
    putchar('"');
    while (*text) {
        size_t control = output_control_length(text);
        if (control) /* the last byte of a control character is its code point */
            printf("\\u%04x", (unsigned char)text[control - 1]);
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else
            putchar(*text);
        text += control ? control : 1;
    }
    putchar('"');
}

static void begin(struct json *json, const char *key)
{
    if (json->follows)
        fputs(", ", stdout);
    json->follows = true;
    if (key) {
        write_string(key);
        fputs(": ", stdout);
    }
}

void json_open(struct json *json, const char *key, char bracket)
{
    begin(json, key);
    putchar(bracket);
    json->follows = false;
}

void json_close(struct json *json, char bracket)
{
    putchar(bracket);
    json->follows = true;
}

void json_text(struct json *json, const char *key, const char *text)
{
    begin(json, key);
    write_string(text);
}

void json_number(struct json *json, const char *key, int64_t number)
{
    begin(json, key);
    printf("%lld", (long long)number);
}

void json_null(struct json *json, const char *key)
{
    begin(json, key);
    fputs("null", stdout);
}

void json_truth(struct json *json, const char *key, bool truth)
{
    begin(json, key);
    fputs(truth ? "true" : "false", stdout);
}

void json_seconds(struct json *json, const char *key, int64_t ms)
{
    char text[OUTPUT_TIME_SIZE];
    output_seconds(ms, text);
    begin(json, key);
    fputs(text, stdout);
}

void json_utc(struct json *json, const char *key, int64_t ms)
{
    char text[OUTPUT_TIME_SIZE];
    output_utc(ms, text);
    json_text(json, key, text);
}

void json_end(void)
{
    putchar('\n');
}
