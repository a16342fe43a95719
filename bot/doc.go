// Package bot is the Slack edge. It keeps two Socket Mode connections open, turns each envelope into neutral
// input and acknowledges it after the commit, and makes Slack equal to the journal: one card per refresh, edited
// in place, and a thread message per notable event; beside it the direct messages, the notices to users and the Home tabs
// that follow from it.
package bot
