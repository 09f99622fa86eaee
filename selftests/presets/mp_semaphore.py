# SPDX-License-Identifier: GPL-2.0
# The article's program on multiprocessing.Semaphore: processes, not threads, and a semaphore in a file that they share.
import multiprocessing
import sys

UNITS = 4


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


def main():
    context = multiprocessing.get_context("fork")
    sem = context.Semaphore(UNITS)
    met = context.Barrier(UNITS)
    print("ready", flush=True)
    for line in sys.stdin:
        work = {"nest": nest, "alone": alone, "flat": flat}[line.strip()]
        count = 1 if work is alone else UNITS
        children = [context.Process(target=work, args=(sem, met)) for _ in range(count)]
        for c in children:
            c.start()
        for c in children:
            c.join()
        print("done", flush=True)


main()
