#!/bin/sh
# A lease over several commands of a script, renewed by hand.
lease=$(leaselock obtain --ttl 1m invoice-42) || exit
trap 'leaselock release "$lease"' EXIT
fence=$(echo "$lease" | cut -d, -f3)
for step in read charge write; do
    leaselock renew "$lease" > /dev/null || exit # 76: somebody else has it
    echo "$step with fence $fence"
done
