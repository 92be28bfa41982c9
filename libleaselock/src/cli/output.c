#include "cli/output.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/exit.h"

size_t output_control_length(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    if ((byte[0] > 0 && byte[0] < 0x20) || byte[0] == 0x7F)
        return 1;
    return byte[0] == 0xC2 && byte[1] >= 0x80 && byte[1] <= 0x9F ? 2 : 0;
}

size_t output_escape(const char *text, char *escaped)
{
    static const char plain[] = "\t\n\r\\", letters[] = "tnr\\";
    char *to = escaped;
    while (*text) {
        const char *known = strchr(plain, *text);
        size_t control = output_control_length(text);
        if (known)
            to += sprintf(to, "\\%c", letters[known - plain]);
        else if (control == 0)
            *to++ = *text;
        for (size_t i = 0; !known && i < control; i++)
            to += sprintf(to, "\\x%02x", (unsigned char)text[i]);
        text += control ? control : 1;
    }
    *to = '\0';
    return (size_t)(to - escaped);
}

void output_utc(int64_t ms, char text[OUTPUT_TIME_SIZE])
{
    if (ms < 0)
        ms = 0;
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t length = strftime(text, OUTPUT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + length, OUTPUT_TIME_SIZE - length, ".%03dZ", (int)(ms % 1000));
}

void output_seconds(int64_t ms, char text[OUTPUT_TIME_SIZE])
{
    snprintf(text, OUTPUT_TIME_SIZE, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

void output_span(int64_t ms, char text[OUTPUT_TIME_SIZE])
{
    long long seconds = ms / 1000;
    if (seconds < 60)
        snprintf(text, OUTPUT_TIME_SIZE, "%llds", seconds);
    else if (seconds < 3600)
        snprintf(text, OUTPUT_TIME_SIZE, "%lldm%02llds", seconds / 60, seconds % 60);
    else
        snprintf(text, OUTPUT_TIME_SIZE, "%lldh%02lldm", seconds / 3600, seconds / 60 % 60);
}

bool output_is_terminal(void)
{
    return isatty(STDOUT_FILENO);
}

int output_width(const char *text)
{
    /* identifiers are UTF-8 whatever the user's locale is */
    static locale_t utf8;
    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = uselocale(utf8);
    int width = 0;
    mbstate_t state = {0};
    wchar_t character;
    for (size_t length; *text; text += length) {
        length = mbrtowc(&character, text, strlen(text), &state);
        if (length > strlen(text))
            length = 1; /* not UTF-8 after all */
        int columns = wcwidth(character);
        width += columns < 0 ? 1 : columns;
    }
    uselocale(before);
    return width;
}

int output_finish(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    if (errno != EPIPE) /* a reader that has seen enough is no news */
        complain("cannot write the output: %s", strerror(errno));
    return EXIT_IO;
}
