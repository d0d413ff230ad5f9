package main

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"
)

// A caller is a connection to a server under test.
type caller struct {
	*testing.T
	conn net.Conn
	r    *bufio.Reader
}

func startServer(t *testing.T, queue int, cut bool) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go newServer(queue, cut).serve(listener)
	return listener.Addr().String()
}

// dial connects and says the name, and joins the room unless that is empty.
func dial(t *testing.T, address, name, room string) *caller {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	c := &caller{t, conn, bufio.NewReader(conn)}
	c.say(typeHello, name)
	c.expect(typeWelcome, "")
	if room != "" {
		c.say(typeJoin, room)
		c.expect(typeJoined, room)
	}
	return c
}

func (c *caller) say(kind byte, payload string) {
	c.Helper()
	if _, err := c.conn.Write(makeFrame(kind, []byte(payload))); err != nil {
		c.Fatal(err)
	}
}

func (c *caller) expect(kind byte, payload string) {
	c.Helper()
	frame, err := readFrame(c.r)
	if err != nil {
		c.Fatal(err)
	}
	if frameType(frame) != kind || string(framePayload(frame)) != payload {
		c.Fatalf("%q instead of %q %q", frame, kind, payload)
	}
}

func publish(room, body string) string { return string(rune(len(room))) + room + body }

func TestMembersHearAllInOneOrder(t *testing.T) {
	address := startServer(t, 4, false)
	anna, bob := dial(t, address, "anna", "ops"), dial(t, address, "bob", "ops")
	outside := dial(t, address, "carl", "")
	const count = 200
	go func() {
		for i := 0; i < count; i++ {
			outside.conn.Write(makeFrame(typePublish, []byte(publish("ops", fmt.Sprint(i)))))
		}
	}()
	for i := 0; i < count; i++ {
		anna.expect(typeMessage, publish("ops", fmt.Sprint(i)))
		bob.expect(typeMessage, publish("ops", fmt.Sprint(i)))
	}
	bob.say(typePublish, publish("ops", "last"))
	bob.expect(typeMessage, publish("ops", "last"))
	anna.expect(typeMessage, publish("ops", "last"))
}

func TestWhoLeavesHoldsNobody(t *testing.T) {
	address := startServer(t, 1, false)
	anna, bob := dial(t, address, "anna", "ops"), dial(t, address, "bob", "ops")
	anna.conn.Close()
	for i := 0; i < 100; i++ {
		bob.say(typePublish, publish("ops", fmt.Sprint(i)))
		bob.expect(typeMessage, publish("ops", fmt.Sprint(i)))
	}
}

// One who does not read is cut, and the others hear everything.
func TestCutEndsWhoDoesNotRead(t *testing.T) {
	address := startServer(t, 4, true)
	stalled, bob := dial(t, address, "stalled", "ops"), dial(t, address, "bob", "ops")
	body := make([]byte, 32<<10)
	for i := 0; i < 1000; i++ { // 32 MB: more than the sockets between them hold
		bob.say(typePublish, publish("ops", string(body)))
		bob.expect(typeMessage, publish("ops", string(body)))
	}
	for heard := 0; ; heard++ {
		if _, err := readFrame(stalled.r); err != nil {
			break
		}
		if heard == 1000 {
			t.Fatal("never cut")
		}
	}
}

func TestNonsenseEndsTheConnection(t *testing.T) {
	address := startServer(t, 4, false)
	for _, nonsense := range []string{
		"\x00\x00\x00\x00", "\xff\xff\xff\xffH", "\x00\x00\x00\x02Jr",
		"\x00\x00\x00\x02Ha\x00\x00\x00\x02Ha", "\x00\x00\x00\x02Ha\x00\x00\x00\x02P\x01",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		conn.Write([]byte(nonsense))
		for err == nil {
			_, err = conn.Read(make([]byte, 64))
		}
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Errorf("%q is taken", nonsense)
		}
		conn.Close()
	}
}
