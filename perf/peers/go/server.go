package main

import (
	"net"
	"sync"
)

// A room's members hear its messages in one order, as one publisher at a time walks through them.
// The list is for that walk; who leaves is searched for.
type room struct {
	mu      sync.Mutex
	members []*client
}

// add says joined to the new member in front of the first message that it will hear.
func (r *room) add(c *client, joined []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.send(&joined)
	r.members = append(r.members, c)
}

func (r *room) remove(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, member := range r.members {
		if member == c {
			last := len(r.members) - 1
			r.members[i], r.members[last] = r.members[last], nil
			r.members = r.members[:last]
			return
		}
	}
}

func (r *room) broadcast(frame *[]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, member := range r.members {
		member.send(frame)
	}
}

// A server knows its rooms, which stay once they are there, and the policy for full queues.
type server struct {
	rooms sync.Map // name -> *room
	queue int
	cut   bool
}

func newServer(queue int, cut bool) *server { return &server{queue: queue, cut: cut} }

// room finds the room of that name or makes it.
func (s *server) room(name string) *room {
	if found, ok := s.rooms.Load(name); ok {
		return found.(*room)
	}
	found, _ := s.rooms.LoadOrStore(name, new(room))
	return found.(*room)
}

func (s *server) roomIfAny(name []byte) *room {
	if found, ok := s.rooms.Load(string(name)); ok {
		return found.(*room)
	}
	return nil
}

// serve accepts until the listener is closed.
func (s *server) serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		c := &client{server: s, conn: conn, done: make(chan struct{}),
			out: make(chan *[]byte, s.queue)}
		go c.write()
		go c.read()
	}
}
