// The service on tableflip: answers each line with the line and our pid; HUP starts the new version.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/cloudflare/tableflip"
)

func main() {
	upgrader, err := tableflip.New(tableflip.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer upgrader.Stop()

	listener, err := upgrader.Listen("tcp", "127.0.0.1:"+os.Getenv("BENCH_PORT"))
	if err != nil {
		log.Fatal(err)
	}
	var connections sync.WaitGroup
	go accept(listener, &connections)

	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	go func() {
		for range hangUps {
			if err := upgrader.Upgrade(); err != nil {
				fmt.Println("refused:", err)
			}
		}
	}()

	if err := upgrader.Ready(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready", os.Getpid())

	<-upgrader.Exit()
	connections.Wait()
}

func accept(listener net.Listener, connections *sync.WaitGroup) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		connections.Add(1)
		go func() {
			defer connections.Done()
			defer connection.Close()
			echo(connection)
		}()
	}
}

func echo(connection net.Conn) {
	lines := bufio.NewReader(connection)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(connection, "%s %d\n", line[:len(line)-1], os.Getpid()); err != nil {
			return
		}
	}
}
