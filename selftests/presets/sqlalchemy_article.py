# SPDX-License-Identifier: GPL-2.0
# The article's first program: a function that opens a session calls another that opens its own. With as many threads as
# the pool has connections, all wait for all until the pool's timeout, 30 seconds later.
import sys
import threading
from contextlib import contextmanager

from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import QueuePool

UNITS, OVERFLOW = 4, int(sys.argv[2])  # all of them, and those that are opened beyond the pool's size

engine = create_engine(
    sys.argv[1],
    poolclass=QueuePool,
    pool_size=UNITS - OVERFLOW,
    max_overflow=OVERFLOW,
    connect_args={"check_same_thread": False} if sys.argv[1].startswith("sqlite") else {},
)
Session = sessionmaker(bind=engine)
everybody_in = threading.Barrier(UNITS)


@contextmanager
def db_session():
    session = Session()
    try:
        yield session
        session.commit()
    finally:
        session.close()


def write_audit_log(session=None):
    if session is None:
        with db_session() as own:  # the second connection
            own.execute(text("select 1"))
    else:
        session.execute(text("select 1"))


def handle_request(meet, passed_down):
    with db_session() as session:  # the first connection
        session.execute(text("select 1"))
        if meet:
            everybody_in.wait()
        write_audit_log(session if passed_down else None)


def run(count, **how):
    threads = [threading.Thread(target=handle_request, kwargs=how) for _ in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def open_the_last_at_once():
    """One connection may still be opened: two threads see that, one opens it, the other has to wait for it."""
    pool = engine.pool
    out = [engine.connect() for _ in range(UNITS - 1)]
    threads = [threading.Thread(target=lambda: engine.connect().close()) for _ in range(2)]
    with pool._overflow_lock:
        for t in threads:
            t.start()
        while sum(f.f_code.co_name == "_inc_overflow" for f in sys._current_frames().values()) < 2:
            pass
    for t in threads:
        t.join()
    for c in out:
        c.close()


def fail_to_open_one():
    def refuse(*_):
        raise OSError("there is no database")

    event.listen(engine, "do_connect", refuse)
    out = []
    try:
        while True:
            out.append(engine.connect())
    except OSError:
        event.remove(engine, "do_connect", refuse)
    for c in out:
        c.close()


print("ready", flush=True)
for line in sys.stdin:
    if line == "nest\n":
        run(UNITS, meet=True, passed_down=False)
    elif line == "alone\n":
        run(1, meet=False, passed_down=False)
    elif line == "flat\n":  # the corrected program
        run(UNITS, meet=True, passed_down=True)
    elif line == "race\n":
        open_the_last_at_once()
    elif line == "fail\n":
        fail_to_open_one()
    print("done", flush=True)
