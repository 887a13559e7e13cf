// Package rates is how often something may be asked.
//
// A [Limit] is a quota of requests in a window. A [Meter] holds it for each key, which is a user
// or an address: the quota may be used at once and comes back evenly over the window. A
// [Policy] is what a route is limited by, and [SignIns] slows the guessing of passwords down
// without locking anybody out.
//
// What is counted stays in this process's memory, of which it takes a bounded amount (see
// maxBuckets). Of several instances each gives a part of every limit (see [Share]), so nothing is
// written to a database for a request.
package rates
