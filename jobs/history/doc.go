// Package history learns from refreshes that are over how long the next one of the same pair of environments takes. Its
// functions are pure, and they read refreshes as their journals leave them.
package history
