/* The configuration's reader: an object whose values are all good, or an error with file and line. */
#include "fuzz.h"
#include "leaselock.h"

static void set_again(leaselock_config *config)
{
    for (size_t i = 0; leaselock_config_key(i); i++) {
        const char *value = leaselock_config_get(config, leaselock_config_key(i));
        char *copy = value ? text_of((const uint8_t *)value, strlen(value)) : NULL;
        if (copy)
            require(leaselock_config_set(config, leaselock_config_key(i), copy) == LEASELOCK_OK);
        free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leaselock_config *config = NULL;
    leaselock_status status = leaselock_config_parse((const char *)data, size, "x.yaml", &config);
    if (status == LEASELOCK_OK) {
        set_again(config);
    } else {
        require(status == LEASELOCK_CONFIG && !config);
        require(strncmp(leaselock_error_last()->message, "x.yaml:", 7) == 0);
    }
    leaselock_config_free(config);
    return 0;
}
