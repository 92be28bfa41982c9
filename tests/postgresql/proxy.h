/*
 * A wire that can be cut: a TCP proxy in front of the server, in this process. It can swallow what the server answers,
 * after the server has done what it was asked.
 */
#ifndef POSTGRESQL_PROXY_H
#define POSTGRESQL_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct proxy {
    char url[256]; /* like the server's, through the proxy */
    int listener;
    pthread_t thread;
    atomic_bool stop;
    atomic_bool swallow; /* answers are read and thrown away; the connection stays, and is silent */
    atomic_bool cut;     /* instead of swallowing: the connection is closed when the answer comes */
    atomic_int swallowed; /* bytes */
    atomic_int connections;
} proxy;

void proxy_start(proxy *);
void proxy_end(proxy *);

#endif
