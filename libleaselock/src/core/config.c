/* The configuration: which keys there are, what they take, and reading them from YAML. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "leaselock/config.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/text.h"

enum { FILE_MAX = 1 << 20 };

typedef enum ll_kind { TEXT, PORT, SECONDS, SWITCH } ll_kind;

typedef struct ll_key {
    const char *name;
    ll_kind kind;
    const char *default_value;
} ll_key;

static const ll_key keys[] = {
    {"db.url", TEXT, NULL},
    {"db.engine", TEXT, "postgresql"},
    {"db.host", TEXT, "localhost"},
    {"db.port", PORT, "5432"},
    {"db.dbname", TEXT, "postgres"},
    {"db.migrations", TEXT, "/db/migrations"},
    {"lock.ttl", SECONDS, "30"},
    {"lock.client_id", TEXT, NULL},
    {"lock.operation", SECONDS, "5"},
    {"lock.install", SWITCH, "true"},
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

struct leaselock_config {
    char *values[KEY_COUNT]; /* NULL: the default */
};

const char *leaselock_config_key(size_t index)
{
    return index < KEY_COUNT ? keys[index].name : NULL;
}

/* KEY_COUNT where there is none. */
static size_t find_key(const char *name)
{
    size_t i = 0;
    while (i < KEY_COUNT && strcmp(keys[i].name, name) != 0)
        i++;
    return i;
}

static bool is_section(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strncmp(keys[i].name, name, length) == 0 && keys[i].name[length] == '.')
            return true;
    return false;
}

leaselock_status leaselock_config_new(leaselock_config **out)
{
    ll_error_clear();
    if (!out)
        return ll_error_set(LEASELOCK_INVALID, "out is NULL");
    leaselock_config *config = ll_alloc(sizeof *config);
    if (!config)
        return LEASELOCK_NOMEM;
    *out = config;
    return LEASELOCK_OK;
}

void leaselock_config_free(leaselock_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (config->values[i]) /* a URL may have a password in it */
            explicit_bzero(config->values[i], strlen(config->values[i]));
        ll_free(config->values[i]);
    }
    ll_free(config);
}

const char *leaselock_config_get(const leaselock_config *config, const char *name)
{
    size_t key = config && name ? find_key(name) : KEY_COUNT;
    if (key == KEY_COUNT)
        return NULL;
    return config->values[key] ? config->values[key] : keys[key].default_value;
}

/* NULL where the value fits its key, else what it should be. */
static const char *complaint(ll_kind kind, const char *value)
{
    char *end;
    if (kind == PORT) {
        errno = 0;
        long port = strspn(value, "0123456789") == strlen(value) ? strtol(value, &end, 10) : 0;
        return port >= 1 && port <= 65535 ? NULL : "a number from 1 to 65535";
    }
    if (kind == SECONDS) {
        bool plain = value[0] && strspn(value, "0123456789.") == strlen(value);
        double seconds = plain ? strtod(value, &end) : 0;
        return plain && !*end && isfinite(seconds) && seconds > 0 && seconds < 1e9 ? NULL
                                                                                   : "a number of seconds, more than 0";
    }
    if (kind == SWITCH) {
        static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strcmp(value, words[i]) == 0)
                return NULL;
        return "true or false";
    }
    return value[0] && ll_text_is_utf8(value, strlen(value)) ? NULL : "a text";
}

/* The value is not repeated: it may be a password at the wrong place. */
static leaselock_status set(leaselock_config *config, size_t key, const char *value, const char *where)
{
    const char *wanted = complaint(keys[key].kind, value);
    if (wanted)
        return ll_error_set(LEASELOCK_CONFIG, "%s%s has to be %s", where, keys[key].name, wanted);
    char *copy = ll_strdup(value);
    if (!copy)
        return LEASELOCK_NOMEM;
    ll_free(config->values[key]);
    config->values[key] = copy;
    return LEASELOCK_OK;
}

leaselock_status leaselock_config_set(leaselock_config *config, const char *name, const char *value)
{
    ll_error_clear();
    if (!config || !name || !value)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", !config ? "config" : !name ? "key" : "value");
    size_t key = find_key(name);
    return key < KEY_COUNT ? set(config, key, value, "")
                           : ll_error_set(LEASELOCK_CONFIG, "there is no key %.100s", name);
}

/* ---- YAML ---- */

typedef struct ll_reading {
    leaselock_config *config;
    yaml_document_t *document;
    const char *name;
} ll_reading;

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* A text without NUL; not so the "\0" of a quoted scalar. */
static bool is_text(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && strlen(text_of(node)) == node->data.scalar.length;
}

static bool is_null(const yaml_node_t *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < 5; i++)
        if (is_text(node) && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(text_of(node), nulls[i]) == 0)
            return true;
    return false;
}

static leaselock_status fail_at(const ll_reading *reading, const yaml_node_t *node, const char *what,
                                const char *detail)
{
    return ll_error_set(LEASELOCK_CONFIG, "%s:%zu: %s%.100s", reading->name, node->start_mark.line + 1, what, detail);
}

static leaselock_status read_value(ll_reading *reading, const yaml_node_t *at, const yaml_node_t *node,
                                   const char *name)
{
    size_t key = find_key(name);
    if (key == KEY_COUNT)
        return fail_at(reading, at, "there is no key ", name);
    if (reading->config->values[key])
        return fail_at(reading, at, "this key is there twice: ", name);
    if (is_null(node))
        return LEASELOCK_OK;
    char where[320];
    snprintf(where, sizeof where, "%.256s:%zu: ", reading->name, node->start_mark.line + 1);
    /* "5432" in quotes is a text */
    bool fits = is_text(node) && (keys[key].kind == TEXT || node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    return set(reading->config, key, fits ? text_of(node) : "", where);
}

typedef leaselock_status (*ll_pair_reader)(ll_reading *, const yaml_node_t *key, const yaml_node_t *value,
                                           const char *section);

/* Every pair of a mapping; nothing is an empty one. */
static leaselock_status read_pairs(ll_reading *reading, const yaml_node_t *node, const char *section,
                                   ll_pair_reader read)
{
    if (is_null(node))
        return LEASELOCK_OK;
    if (node->type != YAML_MAPPING_NODE)
        return fail_at(reading, node, "keys and values are wanted here: ", section);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(reading->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(reading->document, pair->value);
        if (!is_text(key))
            return fail_at(reading, key, "a key has to be a text", "");
        leaselock_status status = read(reading, key, value, section);
        if (status != LEASELOCK_OK)
            return status;
    }
    return LEASELOCK_OK;
}

static leaselock_status read_entry(ll_reading *reading, const yaml_node_t *key, const yaml_node_t *value,
                                   const char *section)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s", section, text_of(key));
    return read_value(reading, key, value, name);
}

static leaselock_status read_section(ll_reading *reading, const yaml_node_t *key, const yaml_node_t *value,
                                     const char *nothing)
{
    (void)nothing;
    if (!is_section(text_of(key)))
        return fail_at(reading, key, "there is no section ", text_of(key));
    return read_pairs(reading, value, text_of(key), read_entry);
}

static leaselock_status syntax_error(const yaml_parser_t *parser, const char *name)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return ll_error_set(LEASELOCK_NOMEM, "out of memory");
    /* bytes that are no text are found before there is a mark */
    size_t line = parser->error == YAML_READER_ERROR ? parser->mark.line : parser->problem_mark.line;
    return ll_error_set(LEASELOCK_CONFIG, "%s:%zu: %s", name, line + 1, parser->problem ? parser->problem : "no YAML");
}

static leaselock_status read_document(yaml_parser_t *parser, ll_reading *reading)
{
    yaml_document_t document, second;
    if (!yaml_parser_load(parser, &document))
        return syntax_error(parser, reading->name);
    reading->document = &document;
    yaml_node_t *root = yaml_document_get_root_node(&document);
    leaselock_status status = root ? read_pairs(reading, root, "sections", read_section) : LEASELOCK_OK;
    yaml_document_delete(&document);
    if (status != LEASELOCK_OK || !root)
        return status;
    if (!yaml_parser_load(parser, &second))
        return syntax_error(parser, reading->name);
    root = yaml_document_get_root_node(&second);
    if (root)
        status = fail_at(reading, root, "only one document is wanted", "");
    yaml_document_delete(&second);
    return status;
}

static leaselock_status parse(const char *text, size_t size, const char *name, leaselock_config **out)
{
    yaml_parser_t parser;
    leaselock_config *config = NULL;
    leaselock_status status = leaselock_config_new(&config);
    if (status != LEASELOCK_OK)
        return status;
    if (!yaml_parser_initialize(&parser)) {
        leaselock_config_free(config);
        return ll_error_set(LEASELOCK_NOMEM, "out of memory");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    ll_reading reading = {.config = config, .name = name};
    status = read_document(&parser, &reading);
    yaml_parser_delete(&parser);
    if (status == LEASELOCK_OK)
        *out = config;
    else
        leaselock_config_free(config);
    return status;
}

leaselock_status leaselock_config_parse(const char *text, size_t size, const char *name, leaselock_config **out)
{
    ll_error_clear();
    if (!text || !name || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", !text ? "text" : !name ? "name" : "out");
    return parse(text, size, name, out);
}

leaselock_status leaselock_config_load(const char *path, leaselock_config **out)
{
    ll_error_clear();
    if (!path || !out)
        return ll_error_set(LEASELOCK_INVALID, "%s is NULL", path ? "out" : "path");
    char *text;
    size_t size;
    leaselock_status status = ll_file_read(path, FILE_MAX, &text, &size);
    if (status != LEASELOCK_OK)
        return status;
    status = parse(text, size, path, out);
    explicit_bzero(text, size);
    ll_free(text);
    return status;
}
