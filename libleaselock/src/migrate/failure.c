#include "migrate/failure.h"

#include <string.h>

#include "util/position.h"
#include "util/text.h"

void ll_failure_note(ll_failure *failure, const char *file, const char *text, size_t failed_at)
{
    if (!failure)
        return;
    memset(failure, 0, sizeof *failure);
    ll_text_copy(failure->file, sizeof failure->file, file);
    if (!text || failed_at == 0)
        return;
    ll_position position = ll_position_of(text, failed_at - 1);
    failure->line = position.line;
    failure->column = position.column;
    size_t length = strcspn(position.start, "\r\n");
    ll_text_copy(failure->text, length < sizeof failure->text ? length + 1 : sizeof failure->text, position.start);
}
