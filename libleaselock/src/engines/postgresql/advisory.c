#include "engines/postgresql/advisory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A path as long as this is no database's name (63 bytes). */
enum { PATH_MAX_BYTES = 256 };

/* CRC-32 of IEEE 802.3, continued. */
static uint32_t crc32(uint32_t crc, const char *bytes, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

uint32_t ll_pg_advisory_key(const char *database, const char *const *names, size_t count)
{
    static const uint32_t salt = 1486364155;
    uint32_t crc = 0;
    for (size_t i = 0; i < count; i++)
        crc = crc32(crc, names[i], strlen(names[i]) + 1); /* the NUL separates */
    return crc32(crc, database, strlen(database)) * salt;
}

static void add(uint32_t keys[LL_PG_KEYS_MAX], size_t *count, uint32_t key)
{
    size_t at = 0;
    while (at < *count && keys[at] < key)
        at++;
    if (at < *count && keys[at] == key)
        return;
    memmove(keys + at + 1, keys + at, (*count - at) * sizeof *keys);
    keys[at] = key;
    ++*count;
}

size_t ll_pg_advisory_keys(const char *database, const char *path, const char *schema, const char *table,
                           uint32_t keys[LL_PG_KEYS_MAX])
{
    const char *const names[] = {schema, table};
    char with_slash[PATH_MAX_BYTES];
    size_t count = 0;
    snprintf(with_slash, sizeof with_slash, "/%s", database);
    add(keys, &count, ll_pg_advisory_key(database, names, 2));
    add(keys, &count, ll_pg_advisory_key(with_slash, names, 2));
    if (path)
        add(keys, &count, ll_pg_advisory_key(path, names, 2));
    return count;
}
