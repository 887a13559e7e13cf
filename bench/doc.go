// Command bench measures what parley promises of its speed, and prints one
// table.
//
// It posts durably to either database, at several numbers of clients, spread
// over many chats and all into one, beside the plain way of doing it: a
// transaction for each request. It posts over HTTP, and says which share of the
// log's own speed arrives there. And it reads history and resumes streams on a
// small log and on a large one.
//
// What is compared is run in turns, parley, plain, parley, plain, and the median
// of each counts. The databases are new ones, in the system's folder for
// temporary files (TMPDIR names another); PostgreSQL is the server named by
// PARLEY_TEST_POSTGRES, or else a throwaway cluster, whose commits are durable.
//
// Figures of one table can be compared with one another. Those of two machines
// cannot, nor those of a machine that has other work to do.
package main
