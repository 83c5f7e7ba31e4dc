"""The differential fuzzer: the same random requests to zkfsd and to Apache, answers compared."""
