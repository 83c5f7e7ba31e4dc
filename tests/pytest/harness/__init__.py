"""What the tests need to talk about servers, clients and mounts.

wire       the jute encoding, written by hand and apart from the C code
rawclient  one TCP connection that speaks it, frame by frame
zkproc     servers as processes: zkfsd and Apache behind one interface
mounts     mounts as processes
replay     plays recorded exchanges against a server
awaiting   waits for a condition, with a deadline
"""
