"""Prints the turns of scripts/demo as a table, and fails unless they are what leases promise."""

import sys

turns = []
with open(sys.argv[1]) as file:
    for line in file:
        client, sequence, begin, end = line.split()
        turns.append((float(begin), float(end), int(sequence), client))
turns.sort()

start = turns[0][0]
clients = sorted({client for *_, client in turns})
print(f"\n{'holder':<8}{'sequence':>9}{'from':>9}{'to':>9}   " + "".join(f"{client:<8}" for client in clients))
for begin, end, sequence, client in turns:
    lanes = "".join(f"{'██████' if client == lane else '':<8}" for lane in clients)
    print(f"{client:<8}{sequence:>9}{begin - start:>8.2f}s{end - start:>8.2f}s   {lanes}")

overlaps = sum(later[0] < earlier[1] for earlier, later in zip(turns, turns[1:]))
grows = all(earlier[2] < later[2] for earlier, later in zip(turns, turns[1:]))
print(f"\n{len(turns)} turns, {overlaps} overlaps, sequences {'grow' if grows else 'DO NOT GROW'}")
sys.exit(0 if len(turns) == 12 and not overlaps and grows else 1)
