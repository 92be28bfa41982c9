# One of the three contenders of scripts/demo: holds the resource four times and notes each turn.
for turn in 1 2 3 4; do
    sleep 0.2 # something that needs no lease, so that the others get their turn
    leaselock run --client shell --ttl 20 --wait 60 the-resource -- sh -c '
        begin=$(date +%s.%3N)
        sleep 0.15
        echo "shell $LEASELOCK_SEQUENCE $begin $(date +%s.%3N)" >>"$TURNS"' || exit
done
