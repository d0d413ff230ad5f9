// Gochat is a chat server in the way in which they are written in Go: a goroutine that reads and
// one that writes for each connection, a channel between them, a sync.Map as the registry of
// rooms. It is what perf/compare sets beside uproard, and needs the standard library only.
//
//	gochat --listen HOST:PORT [--queue N] [--overflow block|cut]
//
// It stays in the foreground until SIGTERM or SIGINT. The frames are in frame.go.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:7668", "`HOST:PORT` to listen on")
	queue := flag.Int("queue", 256, "messages that may wait for one client")
	overflow := flag.String("overflow", "block",
		"what a full queue does: block makes the room wait, cut ends that client's connection")
	version := flag.Bool("version", false, "say which Go this was made with")
	flag.Parse()
	if *version {
		fmt.Println(runtime.Version())
		return
	}
	if *queue < 1 || (*overflow != "block" && *overflow != "cut") || flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*listen, *queue, *overflow == "cut"); err != nil {
		fmt.Fprintln(os.Stderr, "gochat:", err)
		os.Exit(1)
	}
}

func run(address string, queue int, cut bool) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		listener.Close()
	}()
	err = newServer(queue, cut).serve(listener)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
