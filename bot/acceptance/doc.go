// Package acceptance holds tests of the shipped binary against the two simulators, over the real protocols. The
// simulators live in the test process, so that their memory survives whatever happens to the bot and is the judge.
package acceptance
