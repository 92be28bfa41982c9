#include "util/text.h"

#include <string.h>

#include "util/error.h"

/* How many continuation bytes follow `lead`, and which range the first of them has (RFC 3629 §4); -1: no lead byte. */
static int continuation_of(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0x80)
        return 0;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 1;
    if (lead >= 0xE0 && lead <= 0xEF) {
        *low = lead == 0xE0 ? 0xA0 : 0x80;
        *high = lead == 0xED ? 0x9F : 0xBF;
        return 2;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *low = lead == 0xF0 ? 0x90 : 0x80;
        *high = lead == 0xF4 ? 0x8F : 0xBF;
        return 3;
    }
    return -1;
}

bool ll_text_is_utf8(const char *text, size_t length)
{
    const unsigned char *byte = (const unsigned char *)text;
    const unsigned char *end = byte + length;
    while (byte < end) {
        unsigned char low, high;
        int more = continuation_of(*byte++, &low, &high);
        if (more < 0 || end - byte < more)
            return false;
        for (; more > 0; more--, byte++) {
            if (*byte < low || *byte > high)
                return false;
            low = 0x80;
            high = 0xBF;
        }
    }
    return true;
}

leaselock_status ll_text_check_id(const char *text, const char *what)
{
    if (!text)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", what);
    size_t length = strnlen(text, LEASELOCK_ID_MAX + 1);
    if (length == 0)
        return ll_error_set(LEASELOCK_INVALID, "%s is empty", what);
    if (length > LEASELOCK_ID_MAX)
        return ll_error_set(LEASELOCK_INVALID, "%s is longer than %d bytes", what, LEASELOCK_ID_MAX);
    if (!ll_text_is_utf8(text, length))
        return ll_error_set(LEASELOCK_INVALID, "%s is not valid UTF-8", what);
    return LEASELOCK_OK;
}

leaselock_status ll_text_check_acquisition(const char *text)
{
    if (!text)
        return ll_error_set(LEASELOCK_INVALID, "acquisition id is NULL");
    if (strnlen(text, LEASELOCK_ACQUISITION_LENGTH + 1) != LEASELOCK_ACQUISITION_LENGTH ||
        strspn(text, "0123456789abcdef") != LEASELOCK_ACQUISITION_LENGTH)
        return ll_error_set(LEASELOCK_INVALID, "acquisition id is not %d lower-case hexadecimal digits",
                            LEASELOCK_ACQUISITION_LENGTH);
    return LEASELOCK_OK;
}

void ll_text_copy(char *target, size_t size, const char *source)
{
    size_t length = source ? strnlen(source, size - 1) : 0;
    memcpy(target, source ? source : "", length);
    target[length] = '\0';
}
