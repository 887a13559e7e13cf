// Chaos breaks what can break around parley while clients work, and judges what came of it by
// package history. It prints a table for docs/guarantees.md, and exits 1 where a promise was
// broken. It needs Linux: for signals, for mounting a small disk, and for what it reads of
// processes.
package main
