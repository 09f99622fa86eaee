# SPDX-License-Identifier: GPL-2.0
# The article's program on multiprocessing.Semaphore: two processes with two threads each, and a semaphore in a file that they
# share. They begin with "setup", and then do what they are told.
import multiprocessing
import os
import sys
import threading

UNITS = 4
PROCESSES = 2

context = multiprocessing.get_context("fork")


def nest(sem, met):
    with sem:
        met.wait()
        with sem:
            pass


def alone(sem, met):
    with sem:
        with sem:
            pass


def flat(sem, met):
    with sem:
        met.wait()
    with sem:
        pass


def worker(number, sem, met, commands, answers):
    for line in os.fdopen(commands):
        count = UNITS // PROCESSES
        if line == "alone\n":
            count = 1 if number == 0 else 0
        work = {"nest": nest, "alone": alone, "flat": flat}[line.strip()]
        threads = [threading.Thread(target=work, args=(sem, met)) for _ in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        os.write(answers, b".")


def setup():
    sem = context.Semaphore(UNITS)
    met = context.Barrier(UNITS)
    workers = []
    answers = os.pipe()
    for number in range(PROCESSES):
        commands = os.pipe()
        context.Process(target=worker, args=(number, sem, met, commands[0], answers[1]), daemon=True).start()
        workers.append(commands[1])
    return workers, answers[0]


context.Barrier(1)  # what makes semaphores is there before
print("ready", flush=True)
for line in sys.stdin:
    if line == "setup\n":
        workers, answers = setup()
    else:
        for w in workers:
            os.write(w, line.encode())
        for _ in workers:
            os.read(answers, 1)
    print("done", flush=True)
