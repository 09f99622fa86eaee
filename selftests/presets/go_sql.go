// SPDX-License-Identifier: GPL-2.0

// Programs of database/sql, over a driver of this file's own that needs no server: told what to do a line at a time.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// --- a driver: a query gives one row, with the number of the connection

type server struct {
	opened atomic.Int64
	refuse atomic.Int64 // of so many opens, one fails
	break_ atomic.Int64 // of so many queries, one breaks its connection
	asked  atomic.Int64
	leave  atomic.Int64 // the next open does not return
}

const (
	panics = iota + 1
	exits
)

type conn struct {
	s  *server
	id int64
}

type rows struct {
	id   int64
	done bool
}

var errRefused = errors.New("refused")

func (s *server) Open(string) (driver.Conn, error) {
	switch s.leave.Swap(0) {
	case panics:
		panic("driver")
	case exits:
		runtime.Goexit()
	}
	n := s.opened.Add(1)
	if r := s.refuse.Load(); r != 0 && n%r == 0 {
		return nil, errRefused
	}
	return &conn{s, n}, nil
}

func (c *conn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not needed") }
func (c *conn) Close() error                        { return nil }
func (c *conn) Begin() (driver.Tx, error)           { return c, nil }
func (c *conn) Commit() error                       { return nil }
func (c *conn) Rollback() error                     { return nil }

func (c *conn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	n := c.s.asked.Add(1)
	if b := c.s.break_.Load(); b != 0 && n%b == 0 {
		return nil, driver.ErrBadConn
	}
	return &rows{id: c.id}, ctx.Err()
}

func (r *rows) Columns() []string { return []string{"id"} }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(to []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done = true
	to[0] = r.id
	return nil
}

// --- what the program does with it

var (
	srv = &server{}
	db  *sql.DB
)

// The mistake: the query inside of the transaction goes to the pool.
//
//go:noinline
func nested(met func()) error {
	tx, err := db.Begin() // taken here
	if err != nil {
		return err
	}
	defer tx.Rollback()
	met()
	var id int64
	if err := db.QueryRow("select").Scan(&id); err != nil { // asked here
		return err
	}
	return tx.Commit()
}

//go:noinline
func corrected(ctx context.Context) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var id int64
	if err := tx.QueryRowContext(ctx, "select").Scan(&id); err != nil {
		return err
	}
	return tx.Commit()
}

//go:noinline
func deep(n int) int {
	var pad [64]int
	pad[n&63] = n
	if n == 0 {
		return 0
	}
	return deep(n-1) + pad[n&63] - n + 1
}

func must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func all(n int, f func(i int)) {
	var group sync.WaitGroup
	for i := 0; i < n; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			f(i)
		}(i)
	}
	group.Wait()
}

// As many goroutines as there are connections: nobody goes on before all have one.
func nestAll(n int) {
	var first sync.WaitGroup
	first.Add(n)
	all(n, func(int) { must(nested(func() { first.Done(); first.Wait() })) })
}

// Much at once, all of it right: stacks that grow, deadlines that pass, connections that break or cannot be opened.
func busy() {
	srv.refuse.Store(7)
	srv.break_.Store(11)
	var ok, failed atomic.Int64
	all(200, func(i int) {
		for k := 0; k < 20; k++ {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+(i+k)%3*20)*time.Millisecond)
			if deep(i*k%300) != i*k%300 {
				os.Exit(1)
			}
			if err := corrected(ctx); err == nil {
				ok.Add(1)
			} else {
				failed.Add(1)
			}
			rows, err := db.QueryContext(ctx, "select")
			if err == nil {
				for rows.Next() {
					if k%5 == 0 {
						break
					}
				}
				rows.Close()
			}
			cancel()
		}
	})
	srv.refuse.Store(0)
	srv.break_.Store(0)
	// One whose deadline passed is rolled back by a goroutine of its own, a moment later.
	for db.Stats().InUse != 0 {
		time.Sleep(time.Millisecond)
	}
	if ok.Load()+failed.Load() != 4000 || ok.Load() == 0 {
		fmt.Println("lost some", ok.Load(), failed.Load(), db.Stats().InUse)
		os.Exit(1)
	}
}

// Connections that another goroutine returns than the one that took them: n goroutines that take one each, and end as soon as they have
// given it away. What they do last comes at the same time as that return.
func handOver(n int) {
	taken := make(chan *sql.Conn)
	var returned sync.WaitGroup
	for i := 0; i < 4; i++ {
		returned.Add(1)
		go func() {
			defer returned.Done()
			for c := range taken {
				must(c.Close())
			}
		}()
	}
	for ; n > 0; n -= 100 {
		all(100, func(int) {
			c, err := db.Conn(context.Background())
			must(err)
			taken <- c
			db.SetMaxOpenConns(db.Stats().MaxOpenConnections)
		})
	}
	close(taken)
	returned.Wait()
}

// --- a driver that does not return

// A connection is asked for, and the driver does as it was told.
//
//go:noinline
func leave(pool *sql.DB, how int64) {
	defer func() { recover() }()
	srv.leave.Store(how)
	pool.Ping()
}

// As many goroutines as there will be connections each hold one, ask for another, and go on with something else when the driver panics.
// They end when the program says so.
func leaveHolding(n int, end chan struct{}, ended *sync.WaitGroup) {
	pool, err := sql.Open("here", "")
	must(err)
	for i := 0; i < n; i++ {
		away := make(chan struct{})
		ended.Add(1)
		go func() {
			defer ended.Done()
			tx, err := pool.Begin()
			must(err)
			leave(pool, panics)
			close(away)
			<-end
			must(tx.Rollback())
		}()
		<-away
	}
	pool.SetMaxOpenConns(n)
}

// Goroutines that end after that, or by that, and one that goes on.
func leaveAndEnd(n int) {
	pool, err := sql.Open("here", "")
	must(err)
	for i := 0; i < n; i++ {
		how := []int64{panics, exits}[i%2]
		all(1, func(int) { leave(pool, how) })
	}
	away := make(chan struct{})
	go func() {
		leave(pool, panics)
		close(away)
		select {}
	}()
	<-away
}

func main() {
	max := 4
	if len(os.Args) > 1 {
		max, _ = strconv.Atoi(os.Args[1])
	}
	sql.Register("here", srv.driver())
	var err error
	db, err = sql.Open("here", "")
	must(err)
	db.SetMaxOpenConns(max)
	must(db.Ping())
	// As in a server, which waits for requests and timers: else Go itself would see that everybody sleeps, and give up.
	time.AfterFunc(time.Hour, func() {})
	end := make(chan struct{})
	var ended sync.WaitGroup
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); fmt.Println("done") {
		switch in.Text() {
		case "alone":
			must(nested(func() {}))
		case "nest":
			nestAll(max)
		case "flat":
			all(max, func(int) { must(corrected(context.Background())) })
		case "unlimited":
			db.SetMaxOpenConns(0)
		case "limited":
			db.SetMaxOpenConns(max)
		case "busy":
			busy()
		case "leave":
			leaveHolding(max, end, &ended)
		case "end":
			close(end)
			ended.Wait()
		case "leave and end":
			leaveAndEnd(10)
		case "handover":
			handOver(4000)
		}
	}
}

type opener struct{ s *server }

func (o opener) Open(name string) (driver.Conn, error) { return o.s.Open(name) }
func (s *server) driver() driver.Driver                { return opener{s} }
