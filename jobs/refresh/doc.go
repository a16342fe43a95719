// Package refresh is the domain: what a refresh is, and every rule about how it may move.
//
// A Refresh is a frozen plan of steps in five phases, with gates where a person decides. Decide takes a refresh
// and one input and answers with events; Apply folds an event into the refresh. Both are pure: time and ids
// arrive from outside, nothing here reads a clock, a file or a network. The package uses the standard library
// only and never net/http.
package refresh
