/* File names: whatever is taken is what golang-migrate's expression takes, written differently. */
#include <ctype.h>

#include "fuzz.h"
#include "migrate/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    ll_name name;
    if (ll_name_parse(text, &name) == LL_NAME_MIGRATION) {
        require(name.version >= 0 && isdigit((unsigned char)text[0]));
        require(name.title > text && name.title[-1] == '_');
        const char *direction = name.title + name.title_length;
        require(strncmp(direction, name.up ? ".up." : ".down.", name.up ? 4 : 6) == 0);
        require(!strstr(direction + 1, ".up.") && !strstr(direction + 1, ".down."));
        for (const char *digit = text; digit < name.title - 1; digit++)
            require(isdigit((unsigned char)*digit));
    }
    free(text);
    return 0;
}
