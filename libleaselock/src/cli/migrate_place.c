#include "cli/migrate_place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"

/* So much of a long line is shown, in characters: some before the place, some after it. */
enum { BEFORE = 50, SHOWN = 100, CHARACTER_MAX = 4, PIECE_SIZE = 4 * CHARACTER_MAX * SHOWN + 1 };

/* The text after that many characters, or its end. */
static const char *skip(const char *text, int64_t characters)
{
    for (; *text && characters > 0; characters--) {
        text++;
        while ((*text & 0xC0) == 0x80)
            text++;
    }
    return text;
}

/* Escaped, but for tabs: a blank each, as wide as the caret's line has it. */
static void copy(const char *from, const char *to, char *escaped)
{
    char piece[PIECE_SIZE];
    size_t length = (size_t)(to - from);
    if (length >= sizeof piece)
        length = sizeof piece - 1;
    for (size_t i = 0; i < length; i++)
        piece[i] = from[i] == '\t' ? ' ' : from[i];
    piece[length] = '\0';
    output_escape(piece, escaped);
}

void place_show(const leaselock_migrations *migrations)
{
    char before[4 * PIECE_SIZE], after[4 * PIECE_SIZE];
    const char *text = leaselock_migrations_failed_text(migrations);
    int64_t column = leaselock_migrations_failed_column(migrations) - 1;
    const char *place = skip(text, column), *begin = skip(text, column - BEFORE);
    bool is_kept = column >= 0 && *skip(text, column - 1); /* a long line is cut */
    if (!is_kept || !isatty(STDERR_FILENO))
        return;
    copy(begin, place, before);
    copy(place, skip(place, SHOWN - BEFORE), after);
    fprintf(stderr, "  %s%s\n  %*s^\n", before, after, output_width(before), "");
}
