#!/bin/sh
# A job that several machines' crontabs start: one of them runs it, under a lease that is kept meanwhile.
leaselock run --no-wait --ttl 2m nightly -- sh -c 'echo "at work with fence $LEASELOCK_SEQUENCE"'
code=$?
case $code in
75) echo "somebody else is at it" ;;
76) echo "the lease was lost, and the job was stopped" >&2 && exit $code ;;
*) exit $code ;;
esac
