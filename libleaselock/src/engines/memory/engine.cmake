target_sources(leaselock_objects PRIVATE src/engines/memory/memory.c)
