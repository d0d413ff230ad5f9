package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// A frame is the length of what follows in 4 bytes, big-endian, then a byte for its type, then
// what that type carries:
//
//	to the server                  from the server
//	'H' name           (first)     'W'                          welcome
//	'J' room                       'K' room                     joined
//	'P' n room body                'M' n room body              a message; n: bytes of room
//
// A publish and the message that comes of it differ in the type only.
const (
	typeHello   = 'H'
	typeWelcome = 'W'
	typeJoin    = 'J'
	typeJoined  = 'K'
	typePublish = 'P'
	typeMessage = 'M'

	headBytes     = 4
	frameBytesMax = 64 << 10 // after the length
	nameBytesMax  = 255
)

// readFrame returns a whole frame, its length included, in memory of its own: a message is handed
// on to all members without being copied.
func readFrame(r *bufio.Reader) ([]byte, error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length < 1 || length > frameBytesMax {
		return nil, fmt.Errorf("a frame of %d bytes", length)
	}
	frame := make([]byte, headBytes+int(length))
	copy(frame, head[:])
	_, err := io.ReadFull(r, frame[headBytes:])
	return frame, err
}

func makeFrame(kind byte, payload []byte) []byte {
	frame := make([]byte, headBytes+1, headBytes+1+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(1+len(payload)))
	frame[headBytes] = kind
	return append(frame, payload...)
}

func frameType(frame []byte) byte      { return frame[headBytes] }
func framePayload(frame []byte) []byte { return frame[headBytes+1:] }

// publishedRoom returns the name of the room in the payload of a publish.
func publishedRoom(payload []byte) ([]byte, error) {
	if len(payload) < 1 || len(payload) < 1+int(payload[0]) {
		return nil, fmt.Errorf("a publish that is cut off")
	}
	return payload[1 : 1+int(payload[0])], nil
}
