"""Measures Homeport against the real PocketBase on one machine: `python -m bench`.

    __main__    the command: which scenarios, how long, where the raw results go
    scenarios   THE list: what is measured, its goal, and what the figure leaves out
    measures    how: one run on one side gives one sample
    calls       the HTTP requests of each scenario, made from a seed, the same for both servers
    world, seed the data both start from: made once, kept in a cache folder outside the project
    servers     both as processes, started as users start them; their CPU time and memory
    wrk         closed-loop load from outside (replay.lua sends the calls)
    generators  load that wrk can't make, each in a process: subscribers, crowd (idle and slow connections), writer
    lines       what the generators share
    figures     samples, medians, ratios, goals
    report      the tables
    machine     what it ran on

Needs the test environment (setup.cfg, extra `test`), Linux (/proc, epoll) and wrk (Debian: apt install wrk).
"""
