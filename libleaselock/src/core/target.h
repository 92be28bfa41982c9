/* Which database a configuration means. */
#ifndef LL_CORE_TARGET_H
#define LL_CORE_TARGET_H

#include "leaselock/config.h"

/*
 * Its URL, perhaps with a password in it: give it back to ll_target_free(), which wipes it. CONFIG, SECRET, CALLBACK.
 */
leaselock_status ll_target_url(const leaselock_config *config, leaselock_secrets *secrets, char **out);
void ll_target_free(char *url);

#endif
