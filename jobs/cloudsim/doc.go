// Package cloudsim is one simulated Microsoft cloud: Entra, Lifecycle Services (LCS), a blob storage and two or more
// Finance and Operations (F&O) environments that share one world.
//
// It speaks the real protocols over TLS on loopback, one port per host, so that the real clients run against it
// unchanged. A database refresh really replaces the target's database by a copy of the source's and then resets in
// it what the real service resets; a failed one really brings the old database back. Time is the real clock, with
// long durations divided by Options.Speed.
//
// The package imports nothing of the programs that use it and declares its own wire structs: shared ones would let
// one typo pass on both sides.
package cloudsim
