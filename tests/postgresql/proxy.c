#include "postgresql/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "postgresql/database.h"

enum { PAIRS_MAX = 32, SLICE_MS = 5 };

typedef struct pair {
    int client, server; /* -1: unused */
} pair;

/* The port between the last ':' and the last '/' of the server's TCP URL. */
static int server_port(void)
{
    const char *url = server("_TCP");
    return atoi(strrchr(url, ':') + 1);
}

static int connect_to(int port)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int socket_to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(socket_to, (struct sockaddr *)&there, sizeof there) == 0)
        return socket_to;
    close(socket_to);
    return -1;
}

static void close_pair(pair *of)
{
    close(of->client);
    close(of->server);
    of->client = of->server = -1;
}

static void accept_one(proxy *of, pair pairs[PAIRS_MAX])
{
    pair new = {.client = accept4(of->listener, NULL, NULL, SOCK_CLOEXEC), .server = -1};
    if (new.client < 0)
        return;
    new.server = connect_to(server_port());
    for (int i = 0; i < PAIRS_MAX && new.server >= 0; i++)
        if (pairs[i].client < 0) {
            pairs[i] = new;
            atomic_fetch_add(&of->connections, 1);
            return;
        }
    close_pair(&new);
}

/* One chunk; false at the end of the connection. */
static bool pass(proxy *of, int from, int to, bool is_answer)
{
    char bytes[16384];
    ssize_t count = read(from, bytes, sizeof bytes);
    if (count <= 0)
        return false;
    if (!is_answer || !atomic_load(&of->swallow))
        return write(to, bytes, (size_t)count) == count;
    atomic_fetch_add(&of->swallowed, (int)count);
    return !atomic_load(&of->cut);
}

static void serve(proxy *of, pair pairs[PAIRS_MAX])
{
    struct pollfd waiting[2 * PAIRS_MAX + 1];
    waiting[2 * PAIRS_MAX] = (struct pollfd){.fd = of->listener, .events = POLLIN};
    for (int i = 0; i < PAIRS_MAX; i++) {
        waiting[2 * i] = (struct pollfd){.fd = pairs[i].client, .events = POLLIN};
        waiting[2 * i + 1] = (struct pollfd){.fd = pairs[i].server, .events = POLLIN};
    }
    if (poll(waiting, 2 * PAIRS_MAX + 1, SLICE_MS) <= 0)
        return;
    for (int i = 0; i < PAIRS_MAX; i++) {
        bool open = true;
        if (waiting[2 * i].revents)
            open = pass(of, pairs[i].client, pairs[i].server, false);
        if (open && waiting[2 * i + 1].revents)
            open = pass(of, pairs[i].server, pairs[i].client, true);
        if (!open)
            close_pair(&pairs[i]);
    }
    if (waiting[2 * PAIRS_MAX].revents)
        accept_one(of, pairs);
}

static void *body(void *argument)
{
    proxy *of = argument;
    pair pairs[PAIRS_MAX];
    for (int i = 0; i < PAIRS_MAX; i++)
        pairs[i].client = pairs[i].server = -1;
    while (!atomic_load(&of->stop))
        serve(of, pairs);
    for (int i = 0; i < PAIRS_MAX; i++)
        if (pairs[i].client >= 0)
            close_pair(&pairs[i]);
    return NULL;
}

void proxy_start(proxy *of)
{
    memset(of, 0, sizeof *of);
    struct sockaddr_in here = {.sin_family = AF_INET};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    of->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(of->listener, (struct sockaddr *)&here, size), 0);
    assert_int_equal(listen(of->listener, 16), 0);
    assert_int_equal(getsockname(of->listener, (struct sockaddr *)&here, &size), 0);
    const char *url = server("_TCP");
    const char *host = strrchr(url, '@') + 1;
    snprintf(of->url, sizeof of->url, "%.*s127.0.0.1:%d%s", (int)(host - url), url, ntohs(here.sin_port),
             strrchr(url, '/'));
    assert_int_equal(pthread_create(&of->thread, NULL, body, of), 0);
}

void proxy_end(proxy *of)
{
    atomic_store(&of->stop, true);
    pthread_join(of->thread, NULL);
    close(of->listener);
}
