package main

// neighbours are the sections about strangers beside a heavy user of the same
// service.
func neighbours(engines []*engine, f *systems, scale scale) (sections []section) {
	for _, s := range []*scenario{
		joins(engines, scale), f.quietRooms(scale, 1, 1500), f.quietRooms(scale, 10, 0), f.replays(scale), largePage(engines, scale),
		f.signIns(scale), f.wideStreaming(scale), f.listing(scale, 1000), f.listing(scale, 20_000),
	} {
		s.part = "Neighbours"
		sections = append(sections, s.section(scale.turnsStreams, ""))
	}
	return sections
}
