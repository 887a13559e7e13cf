// Chaos breaks what can break around parley while clients work, and judges what came of it.
package main

func main() {}
