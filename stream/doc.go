// Package stream carries the log's events to everybody who follows a chat.
package stream
