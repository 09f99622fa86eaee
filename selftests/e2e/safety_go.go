// SPDX-License-Identifier: GPL-2.0

// Goroutines whose stacks grow, and so move, inside probed functions; panics through them; garbage collected in between.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

type Pool struct{ units chan struct{} }

var taken, returned, thrown, caught, grown, summed atomic.Uint64

//go:noinline
func deep(n int) int {
	var pad [64]int
	pad[n&63] = n
	if n == 0 {
		return 0
	}
	return deep(n-1) + pad[n&63] - n + 1
}

//go:noinline
func (p *Pool) Take(i int) int {
	<-p.units
	grown.Add(1)
	if deep(i%200) == i%200 {
		summed.Add(1)
	}
	if i%7 == 0 {
		p.units <- struct{}{}
		thrown.Add(1)
		panic("no slot")
	}
	return i
}

//go:noinline
func (p *Pool) Put() {
	p.units <- struct{}{}
	returned.Add(1)
}

func use(p *Pool, i int) {
	defer func() {
		if recover() != nil {
			caught.Add(1)
		}
	}()
	p.Take(i)
	taken.Add(1)
	p.Put()
}

func expect(what string, got, want uint64) {
	if got == want && got != 0 {
		fmt.Printf("%s: every one\n", what)
	} else {
		fmt.Printf("%s: %d of %d\n", what, got, want)
	}
}

func main() {
	p := &Pool{units: make(chan struct{}, 4)}
	for i := 0; i < 4; i++ {
		p.units <- struct{}{}
	}
	var stop atomic.Bool
	var all sync.WaitGroup
	for g := 0; g < 8; g++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; !stop.Load() || i < 10; i++ {
				// A new goroutine begins with a small stack.
				done := make(chan struct{})
				go func() { use(p, i); close(done) }()
				<-done
				if i%512 == 0 {
					runtime.GC()
				}
			}
		}()
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	stop.Store(true)
	all.Wait()
	expect("panics recovered", caught.Load(), thrown.Load())
	expect("sums right", summed.Load(), grown.Load())
	expect("units returned", returned.Load(), taken.Load())
	fmt.Println("units in the pool:", len(p.units))
}
