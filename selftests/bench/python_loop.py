# SPDX-License-Identifier: GPL-2.0
# Loops over SQLAlchemy's QueuePool, to be timed bare and watched: "LOOP COUNT" on standard input, ns of wall and of CPU time each.
import sys
import threading
import time

from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import QueuePool

engine = create_engine("sqlite:///" + sys.argv[1], poolclass=QueuePool, pool_size=4, max_overflow=0)
Session = sessionmaker(bind=engine)
statement = text("select 1")
lock = threading.Lock()


def connect(n):
    for _ in range(n):
        connection = engine.connect()
        connection.execute(statement).fetchall()
        connection.close()


def session(n):
    for _ in range(n):
        with Session() as s:
            s.execute(statement).fetchall()
            s.commit()


def locks(n):
    for _ in range(n):
        with lock:
            pass


loops = {"connect": connect, "session": session, "lock": locks}
for loop in loops.values():
    loop(100)
print("ready", flush=True)
for line in sys.stdin:
    name, count = line.split()
    wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
    loops[name](int(count))
    print(time.perf_counter_ns() - wall, time.thread_time_ns() - cpu, flush=True)
