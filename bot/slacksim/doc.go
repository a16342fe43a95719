// Package slacksim is a Slack that runs in-process: the Web API, Socket Mode and a page for the
// browser, over plain HTTP and WebSocket on loopback. It serves unmodified Slack clients, enforces
// Slack's limits with Slack's error names, plays the people of a workspace, and lets a test steer
// the faults a real Slack has.
//
// It declares its own wire shapes and imports no package of this project and no Slack library, so
// that one typo cannot pass on both sides of the wire.
//
// All state of a Server stands behind one mutex. Web API handlers and ack handlers run with it held;
// network writes happen without it.
package slacksim
