/* Secrets: four places they come from, one way to ask. */
#include <stdlib.h>
#include <string.h>

#include "leaselock/secrets.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/text.h"

struct leaselock_secrets {
    leaselock_secrets_slots slots;
};

static leaselock_status new_secrets(const leaselock_secrets_slots *slots, leaselock_secrets **out)
{
    leaselock_secrets *secrets = ll_alloc(sizeof *secrets);
    if (!secrets)
        return LEASELOCK_NOMEM;
    secrets->slots = *slots;
    *out = secrets;
    return LEASELOCK_OK;
}

static leaselock_status give(const char *name, const char *found, char *value, size_t size)
{
    if (!found)
        return LEASELOCK_SECRET;
    if (strlen(found) >= size)
        return ll_error_set(LEASELOCK_SECRET, "the secret %s is longer than %zu bytes", name, size - 1);
    ll_text_copy(value, size, found);
    return LEASELOCK_OK;
}

/* ---- static ---- */

typedef struct ll_secret ll_secret;
struct ll_secret {
    ll_secret *next;
    char *name, *value;
};

static void free_secret(ll_secret *secret)
{
    if (secret && secret->value)
        explicit_bzero(secret->value, strlen(secret->value));
    if (secret) {
        ll_free(secret->name);
        ll_free(secret->value);
    }
    ll_free(secret);
}

static ll_secret **find(ll_secret **link, const char *name)
{
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

static leaselock_status get_static(void *payload, const char *name, char *value, size_t size)
{
    ll_secret *found = *find(payload, name);
    return give(name, found ? found->value : NULL, value, size);
}

static void free_static(void *payload)
{
    ll_secret **first = payload;
    while (*first) {
        ll_secret *secret = *first;
        *first = secret->next;
        free_secret(secret);
    }
    ll_free(first);
}

leaselock_status leaselock_secrets_new_static(leaselock_secrets **out)
{
    ll_error_clear();
    if (!out)
        return ll_error_set(LEASELOCK_INVALID, "out is NULL");
    ll_secret **first = ll_alloc(sizeof(ll_secret *));
    if (!first)
        return LEASELOCK_NOMEM;
    const leaselock_secrets_slots slots = {sizeof slots, first, get_static, free_static};
    leaselock_status status = new_secrets(&slots, out);
    if (status != LEASELOCK_OK)
        free_static(first);
    return status;
}

leaselock_status leaselock_secrets_set(leaselock_secrets *secrets, const char *name, const char *value)
{
    ll_error_clear();
    if (!secrets || !name || !value || secrets->slots.get != get_static)
        return ll_error_set(LEASELOCK_INVALID, "only a static list takes secrets, and both name and value");
    if (strlen(value) > LEASELOCK_SECRET_MAX)
        return ll_error_set(LEASELOCK_INVALID, "the secret %s is longer than %d bytes", name, LEASELOCK_SECRET_MAX);
    ll_secret *added = ll_alloc(sizeof *added);
    if (added) {
        added->name = ll_strdup(name);
        added->value = ll_strdup(value);
    }
    if (!added || !added->name || !added->value) {
        free_secret(added);
        return LEASELOCK_NOMEM;
    }
    ll_secret **link = find(secrets->slots.payload, name), *replaced = *link;
    added->next = replaced ? replaced->next : NULL;
    *link = added;
    free_secret(replaced);
    return LEASELOCK_OK;
}

/* ---- environment ---- */

static leaselock_status get_environment(void *payload, const char *name, char *value, size_t size)
{
    (void)payload;
    return give(name, getenv(name), value, size);
}

leaselock_status leaselock_secrets_new_environment(leaselock_secrets **out)
{
    ll_error_clear();
    if (!out)
        return ll_error_set(LEASELOCK_INVALID, "out is NULL");
    const leaselock_secrets_slots slots = {sizeof slots, NULL, get_environment, NULL};
    return new_secrets(&slots, out);
}

/* ---- a folder ---- */

static leaselock_status read_secret(const char *path, const char *name, char *value, size_t size)
{
    char *text;
    size_t length;
    leaselock_status status = ll_file_read(path, LEASELOCK_SECRET_MAX + 2, &text, &length);
    if (status == LEASELOCK_NOT_FOUND)
        return LEASELOCK_SECRET;
    if (status != LEASELOCK_OK)
        return status;
    size_t whole = length;
    if (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    if (length > 0 && length < whole && text[length - 1] == '\r')
        text[--length] = '\0';
    status = strlen(text) == length ? give(name, text, value, size)
                                    : ll_error_set(LEASELOCK_SECRET, "%s has a NUL byte in it", path);
    explicit_bzero(text, whole);
    ll_free(text);
    return status;
}

static leaselock_status get_directory(void *payload, const char *name, char *value, size_t size)
{
    if (strchr(name, '/') || name[0] == '.')
        return ll_error_set(LEASELOCK_SECRET, "a secret's name is a file's name");
    char *path = ll_format("%s/%s", (const char *)payload, name);
    leaselock_status status = path ? read_secret(path, name, value, size) : LEASELOCK_NOMEM;
    ll_free(path);
    return status;
}

leaselock_status leaselock_secrets_new_directory(const char *directory, leaselock_secrets **out)
{
    ll_error_clear();
    if (!out)
        return ll_error_set(LEASELOCK_INVALID, "out is NULL");
    char *copy = ll_strdup(directory ? directory : "/run/secrets");
    if (!copy)
        return LEASELOCK_NOMEM;
    const leaselock_secrets_slots slots = {sizeof slots, copy, get_directory, ll_free};
    leaselock_status status = new_secrets(&slots, out);
    if (status != LEASELOCK_OK)
        ll_free(copy);
    return status;
}

/* ---- your own ---- */

leaselock_status leaselock_secrets_new_custom(const leaselock_secrets_slots *slots, leaselock_secrets **out)
{
    ll_error_clear();
    if (!slots || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", slots ? "out" : "slots");
    if (slots->struct_size != sizeof *slots || !slots->get)
        return ll_error_set(LEASELOCK_INVALID, "the slots need their struct_size, and get");
    return new_secrets(slots, out);
}

static bool is_built_in(const leaselock_secrets *secrets)
{
    leaselock_status (*get)(void *, const char *, char *, size_t) = secrets->slots.get;
    return get == get_static || get == get_environment || get == get_directory;
}

leaselock_status leaselock_secrets_get(leaselock_secrets *secrets, const char *name, char *value, size_t size)
{
    ll_error_clear();
    if (!secrets || !name || !name[0] || !value || size == 0)
        return ll_error_set(LEASELOCK_INVALID, "secrets, a name and room for the value are needed");
    char found[LEASELOCK_SECRET_MAX + 1] = "";
    size_t room = size < sizeof found ? size : sizeof found;
    leaselock_status status = secrets->slots.get(secrets->slots.payload, name, found, room);
    found[room - 1] = '\0';
    if (status == LEASELOCK_OK)
        ll_text_copy(value, size, found);
    else if (status != LEASELOCK_SECRET && !is_built_in(secrets))
        status = ll_error_set(LEASELOCK_CALLBACK, "the function for secrets failed");
    else if (leaselock_error_last()->code != status)
        status = ll_error_set(status, "there is no secret %s", name);
    explicit_bzero(found, sizeof found);
    return status;
}

void leaselock_secrets_free(leaselock_secrets *secrets)
{
    if (!secrets)
        return;
    if (secrets->slots.free_payload)
        secrets->slots.free_payload(secrets->slots.payload);
    ll_free(secrets);
}
