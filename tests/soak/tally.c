#include "soak/tally.h"

#include <string.h>

static size_t column_of(soak_tally *tally, const char *outcome)
{
    size_t column = 0;
    while (column < TALLY_OUTCOMES - 1 && tally->outcomes[column] && strcmp(tally->outcomes[column], outcome) != 0)
        column++;
    tally->outcomes[column] = outcome;
    return column;
}

void tally_add(soak_tally *tally, const diary_event *event, bool disturbed)
{
    tally->counts[event->kind][column_of(tally, diary_status_name(event))]++;
    if (event->kind <= FORK)
        tally->operations++;
    int64_t took_us = event->after_us - event->before_us;
    if (!disturbed && event->status != DIARY_KILLED && took_us > tally->longest_us[event->kind])
        tally->longest_us[event->kind] = took_us;
}

void tally_print(const soak_tally *tally, FILE *out)
{
    fprintf(out, "%-18s", "");
    for (size_t i = 0; i < TALLY_OUTCOMES && tally->outcomes[i]; i++)
        fprintf(out, "%12s", tally->outcomes[i]);
    fprintf(out, "%12s\n", "longest ms");
    for (int kind = 0; kind < DIARY_KINDS; kind++) {
        fprintf(out, "%-18s", diary_kind_name(kind));
        for (size_t i = 0; i < TALLY_OUTCOMES && tally->outcomes[i]; i++)
            fprintf(out, "%12lu", tally->counts[kind][i]);
        fprintf(out, "%12.1f\n", (double)tally->longest_us[kind] / 1000);
    }
}
