package e2e

// Freeze fails the test: Windows cannot stop a process where it stands.
func (p *process) Freeze() {
	p.t.Helper()
	p.t.Fatal("this test needs a Unix: it freezes a process")
}

// Thaw fails the test.
func (p *process) Thaw() { p.Freeze() }
