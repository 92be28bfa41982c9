/* Runs a target over kept inputs, without libFuzzer: PROGRAM [-OPTION]… FOLDER… */
#include <dirent.h>
#include <stdio.h>

#include "fuzz.h"

static unsigned replayed;

static int replay_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file)
        return 1;
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    uint8_t *copy = malloc(size ? size : 1); /* so that a sanitizer sees what is read beyond it */
    require(copy);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    replayed++;
    return 0;
}

static int replay_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    int failed = !directory;
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            failed |= replay_file(path);
    }
    if (directory)
        closedir(directory);
    return failed;
}

int main(int count, char **arguments)
{
    int failed = 0;
    for (int i = 1; i < count; i++)
        if (arguments[i][0] != '-')
            failed |= replay_folder(arguments[i]);
    printf("%u passed, %d failed\n", replayed, failed);
    return failed || !replayed;
}
