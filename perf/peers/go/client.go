package main

import (
	"bufio"
	"fmt"
	"net"
	"sync"
)

// A client is one connection. Its reader owns the fields without a mark; what is for it to write
// goes through out, whoever sends it.
type client struct {
	server  *server
	conn    net.Conn
	rooms   map[string]*room
	greeted bool // has said its name

	out  chan *[]byte  // whole frames; pointers, as most queues are empty and each has its room
	done chan struct{} // closed when the connection is over
	once sync.Once
}

// end closes the connection, which ends both goroutines. Any goroutine may call it, repeatedly.
func (c *client) end() {
	c.once.Do(func() {
		close(c.done)
		c.conn.Close()
	})
}

// send queues a frame. When the queue is full the caller waits, or the client is ended: see
// --overflow.
func (c *client) send(frame *[]byte) {
	select {
	case c.out <- frame:
		return
	default:
	}
	if c.server.cut {
		c.end()
		return
	}
	select {
	case c.out <- frame:
	case <-c.done:
	}
}

// write is the writing goroutine. It flushes when nothing more is waiting, so that under load many
// messages share a write(2).
func (c *client) write() {
	defer c.end()
	w := bufio.NewWriter(c.conn)
	for {
		select {
		case frame := <-c.out:
			if _, err := w.Write(*frame); err != nil {
				return
			}
		case <-c.done:
			return
		}
		if len(c.out) == 0 && w.Flush() != nil {
			return
		}
	}
}

// read is the reading goroutine, and the connection's life.
func (c *client) read() {
	defer c.leaveAll()
	defer c.end()
	r := bufio.NewReader(c.conn)
	for {
		frame, err := readFrame(r)
		if err != nil {
			return
		}
		if err := c.handle(frame); err != nil {
			return
		}
	}
}

func (c *client) handle(frame []byte) error {
	kind, payload := frameType(frame), framePayload(frame)
	if !c.greeted && kind != typeHello {
		return fmt.Errorf("a %q before the name", kind)
	}
	switch kind {
	case typeHello:
		if c.greeted || len(payload) < 1 || len(payload) > nameBytesMax {
			return fmt.Errorf("not a name")
		}
		c.greeted = true
		welcome := makeFrame(typeWelcome, nil)
		c.send(&welcome)
	case typeJoin:
		if len(payload) < 1 || len(payload) > nameBytesMax {
			return fmt.Errorf("not a room")
		}
		c.join(string(payload))
	case typePublish:
		name, err := publishedRoom(payload)
		if err != nil {
			return err
		}
		if to := c.server.roomIfAny(name); to != nil {
			frame[headBytes] = typeMessage
			to.broadcast(&frame)
		}
	default:
		return fmt.Errorf("a %q", kind)
	}
	return nil
}

func (c *client) join(name string) {
	if c.rooms[name] != nil {
		return
	}
	if c.rooms == nil {
		c.rooms = make(map[string]*room)
	}
	c.rooms[name] = c.server.room(name)
	c.rooms[name].add(c, makeFrame(typeJoined, []byte(name)))
}

func (c *client) leaveAll() {
	for _, joined := range c.rooms {
		joined.remove(c)
	}
}
