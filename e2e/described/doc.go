// Package described holds the service to its description, docs/openapi.yaml: a test's HTTP
// client sends through a [Transport], which tells of everything that passes and is not as
// described.
//
// It judges what the service did. A request that the service took has to be as described;
// of one that it refused, only the answer has to. Whatever comes without the service's
// X-Request-Id was answered by something else, such as a proxy, and is passed over.
//
// The judging is done by a process of its own, [parley/e2e/described/judge]. The library that it
// judges by is not made for concurrent use, and takes fifty times as long under the race
// detector.
package described
