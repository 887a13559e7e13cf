package stream

import "context"

// Bus carries messages between the instances of one service. They are hints: losing,
// repeating, delaying or reordering any of them costs at most one poll interval, and never
// an event. A service of one instance has none.
type Bus interface {
	// Send hands a message to the other instances; this one may get it as well. Many
	// goroutines may call at once, and ctx bounds the call.
	Send(ctx context.Context, message []byte) error

	// Limit is how many bytes a message may have at present. Of less than 4 KiB no batches
	// are sent, and none are believed.
	Limit() int

	// Receive calls receive with each message that arrives, one after the other, until ctx
	// ends; with nil where messages may have been lost. It connects by itself, again and
	// again. receive does not block, and does not keep the message.
	Receive(ctx context.Context, receive func(message []byte))

	// Down says why the bus carries nothing at present, and is nil while it does. Any
	// goroutine may call.
	Down() error
}
