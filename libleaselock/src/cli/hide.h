/* Passwords in the command line, which everybody on the machine can read. */
#ifndef CLI_HIDE_H
#define CLI_HIDE_H

/* A copy of the URL, while asterisks take the place of its password in `argument`, part of argv. */
const char *hide_password(char *argument);

#endif
