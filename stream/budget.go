package stream

// fit lowers what a room may keep until all rooms together keep within TotalBytes,
// and raises it again, up to RoomBytes, once they keep much less. So the busy ones make
// room, whose posts can be held instead ([room.press]), and a quiet one keeps what its
// readers will want when they come back. The broker's mutex is held.
func (b *Broker) fit() {
	for b.bytes > b.opts.TotalBytes && b.roomBytes > 0 {
		b.roomBytes /= 2
		for _, ro := range b.rooms {
			b.bytes -= ro.dropSegments(always) + ro.trim(b.roomBytes)
		}
	}
	if b.bytes < b.opts.TotalBytes/4 && b.roomBytes < b.opts.RoomBytes {
		b.roomBytes = min(max(2*b.roomBytes, frameOverhead), b.opts.RoomBytes)
	}
}
